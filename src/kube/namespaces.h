#pragma once
#include "kube/resource.h"

namespace millrace::kube {

class Namespaces final : public StoredResource {
 public:
  using StoredResource::StoredResource;
  const Description& description() const override;
  Value cells(const Value& object, Time now) const override;
  Status admit(Value& object, const Value* present) const override;
  Status may_delete(const Value& present) const override;
};

// "kubeflow", where tasks run, and the namespaces that every cluster has.
const std::vector<std::string>& initial_namespaces();

}  // namespace millrace::kube
