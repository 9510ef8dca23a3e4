#pragma once
// Objects as typed clients send them (kubectl create, client-go): Kubernetes' protobuf envelope "k8s\0" around one
// message (k8s.io/apimachinery/pkg/runtime/generated.proto; field numbers from k8s.io/api/core/v1/generated.proto).

#include <string_view>

#include "base/result.h"
#include "base/value.h"

namespace millrace::kube {

inline constexpr std::string_view kProtobufMediaType = "application/vnd.kubernetes.protobuf";

// Secret, Namespace and DeleteOptions, as their JSON would be. Fields that those kinds do not have are passed over, as
// protobuf does. Errors: malformed bytes, another kind.
Result<Value> from_protobuf(std::string_view bytes);

}  // namespace millrace::kube
