#pragma once
// Quantities as an API server writes them back (k8s.io/apimachinery, pkg/api/resource/quantity.go): "0.5" is "500m",
// "1024Mi" is "1Gi". Pure.

#include <string>
#include <string_view>

namespace millrace::kube {

// The canonical form. What is no quantity, negative, in exponents or beyond 18 digits comes back as it is.
std::string canonical_quantity(std::string_view text);

}  // namespace millrace::kube
