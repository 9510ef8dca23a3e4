#pragma once
// Lists and objects as the table that `kubectl get` prints (meta.k8s.io/v1 Table).

#include <vector>

#include "kube/resource.h"

namespace millrace::kube {

enum class Include { none, metadata, object };
Value table_of(const Resource& resource, const std::vector<Value>& objects, Include include,
               const std::string& resource_version, Time now);

}  // namespace millrace::kube
