#pragma once
// What one component adds to the common course (run.h): its arguments, its request, its calls.

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/time.h"
#include "base/value.h"
#include "components/arguments.h"
#include "components/session.h"

namespace millrace::components {

struct JobStatus {
  bool is_completed = false;
  bool has_error = false;
  std::string raw;            // as SageMaker says it: "InProgress"
  std::string error_message;  // where has_error
};

// One running component: what was asked for, and the way to AWS.
struct Task {
  const Arguments& arguments;
  Session& session;
  const Clock& clock;
};

class Component {
 public:
  virtual ~Component() = default;
  virtual std::span<const ArgumentSpec> arguments() const = 0;
  virtual std::span<const std::string_view> outputs() const = 0;

  // In the order of their calls. Chooses names.
  virtual Status prepare(Task& task) = 0;
  virtual Result<Value> request(Task& task) = 0;
  virtual Result<Value> submit(Task& task, const Value& request) = 0;
  virtual void announce(Task& task, const Value& job) = 0;
  virtual Result<JobStatus> status(Task& task) = 0;
  virtual void print_logs(Task&) {}
  virtual Result<Value> results(Task& task) = 0;  // an object: output's name to its value

  // On SIGTERM. Whether there is a job that goes on towards its stop; false: there is nothing to wait for.
  virtual Result<bool> stop(Task&) { return false; }
};

// By its name on the command line ("train"). Errors: invalid_argument, a sentence that names those that are carried.
Result<std::unique_ptr<Component>> component_named(std::string_view name);

std::unique_ptr<Component> process_component();
std::unique_ptr<Component> hyperparameter_tuning_component();
std::unique_ptr<Component> train_component();
std::unique_ptr<Component> model_component();
std::unique_ptr<Component> deploy_component();
std::unique_ptr<Component> batch_transform_component();

}  // namespace millrace::components
