#pragma once
// The ways of changing a part of an object: JSON Patch (RFC 6902), JSON Merge Patch (RFC 7396) and Kubernetes'
// strategic merge patch as far as the kinds served here have use for it (their only lists are finalizers and
// ownerReferences).

#include <string_view>

#include "base/result.h"
#include "base/value.h"

namespace millrace::kube {

inline constexpr std::size_t kMaxPatchOperations = 10'000;  // as the Kubernetes API server's

// media_type: the request's Content-Type without parameters. Errors: UnsupportedMediaType, a malformed patch, a failed
// "test" (Invalid). `is_custom`: of a custom resource, for which strategic merge patches are not known.
Result<Value> apply_patch(const Value& object, std::string_view media_type, const Value& patch, bool is_custom);

}  // namespace millrace::kube
