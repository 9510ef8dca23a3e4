#pragma once
// What Kubernetes asks of any object's metadata (k8s.io/apimachinery, pkg/api/validation/objectmeta.go).

#include <string>
#include <string_view>
#include <vector>

#include "kube/refusal.h"
#include "kube/resource.h"

namespace millrace::kube {

inline constexpr std::size_t kMaxAnnotationBytes = 256 * 1024;  // keys and values of one object

// What is wrong with a text, as sentences; none: nothing.
std::vector<std::string> subdomain_faults(std::string_view text);
std::vector<std::string> label_name_faults(std::string_view text);      // RFC 1123 label
std::vector<std::string> qualified_name_faults(std::string_view text);  // key of a label, finalizer
std::vector<std::string> label_value_faults(std::string_view text);

void check_metadata(const Kind& kind, const Value& object, FieldErrors& errors);

}  // namespace millrace::kube
