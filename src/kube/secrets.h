#pragma once
#include <map>

#include "kube/resource.h"

namespace millrace::kube {

inline constexpr std::size_t kMaxSecretBytes = 1024 * 1024;  // of decoded data, as Kubernetes' MaxSecretSize

const Kind& secrets_kind();

// A key of a Secret or a ConfigMap becomes the name of a file.
void check_data_key(const char* map, const std::string& key, FieldErrors& errors);
// Of either kind: with `immutable` set, these fields and it may not change.
void check_immutable(const Value& object, const Value& present, const std::vector<const char*>& fields,
                     FieldErrors& errors);
Result<std::map<std::string, std::string>> decoded_data(const Value& secret);

}  // namespace millrace::kube
