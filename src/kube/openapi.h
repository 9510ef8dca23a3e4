#pragma once
// The OpenAPI documents, made of the schemas and the table of kinds: `kubectl explain`, checks before sending, and
// whether the server knows dry runs and field validation are read from them.

#include <string>
#include <vector>

#include "base/value.h"
#include "kube/resource.h"

namespace millrace::kube {

Value openapi_v2(const std::vector<Resource*>& resources);
// Of one group version ("v1", "coordination.k8s.io/v1"): its kinds and what they refer to.
Value openapi_v3(const std::vector<Resource*>& resources, const std::string& api_version);

// A document of version 2 as the message Document of gnostic's OpenAPIv2.proto: the form that kubectl asks for.
std::string openapi_protobuf(const Value& document);

}  // namespace millrace::kube
