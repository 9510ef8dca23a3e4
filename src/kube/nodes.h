#pragma once
// The one node: this machine.

#include "kube/resource.h"

namespace millrace::kube {

inline constexpr const char* kNode = "millrace";

const Kind& nodes_kind();

class Nodes final : public ViewResource {
 public:
  explicit Nodes(const Clock& clock) : ViewResource(nodes_kind(), clock), started_(clock.now()) {}

 protected:
  Result<std::vector<Value>> read() override;

 private:
  const Time started_;
};

}  // namespace millrace::kube
