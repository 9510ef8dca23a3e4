#pragma once
// What the components have in common that make a job in SageMaker and wait for its end.

#include <string>
#include <string_view>

#include "components/component.h"

namespace millrace::components {

struct JobKind {
  std::string_view name;       // "TrainingJob": of its operations and members
  std::string_view prefix;     // of names that are made here
  std::string_view log_group;  // empty: its logs are not printed
};

class Job : public Component {
 public:
  explicit Job(const JobKind& kind) : kind_(kind) {}

  Status prepare(Task& task) override;
  Result<Value> submit(Task& task, const Value& request) override;
  Result<JobStatus> status(Task& task) override;
  void print_logs(Task& task) override;
  Status stop(Task& task) override;

 protected:
  const std::string& name() const { return name_; }
  std::string name_member() const;  // "TrainingJobName"
  Result<Value> describe(Task& task) const;

 private:
  const JobKind& kind_;
  std::string name_;
  bool own_name_ = false;
};

}  // namespace millrace::components
