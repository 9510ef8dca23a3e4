#pragma once
#include <map>
#include <string>

#include "kube/resource.h"

namespace millrace::kube {

class ConfigMaps final : public StoredResource {
 public:
  using StoredResource::StoredResource;
  const Description& description() const override;
  Value cells(const Value& object, Time now) const override;
  Status admit(Value& object, const Value* present) const override;
};

// `data` and the decoded `binaryData` together.
Result<std::map<std::string, std::string>> all_data(const Value& config_map);

}  // namespace millrace::kube
