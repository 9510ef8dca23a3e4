#pragma once
#include <map>

#include "kube/resource.h"

namespace millrace::kube {

inline constexpr std::size_t kMaxSecretBytes = 1024 * 1024;  // of decoded data, as Kubernetes' MaxSecretSize

class Secrets final : public StoredResource {
 public:
  using StoredResource::StoredResource;
  const Description& description() const override;
  Value cells(const Value& object, Time now) const override;
  Status admit(Value& object, const Value* present) const override;
};

// May it be a key of a Secret or a ConfigMap, and the name of a file?
bool is_data_key(std::string_view key);
Result<std::map<std::string, std::string>> decoded_data(const Value& secret);

}  // namespace millrace::kube
