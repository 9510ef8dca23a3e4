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
  virtual OutputPlace output_place() const { return OutputPlace::tmp; }
  virtual std::string_view noun() const { return "Job"; }  // "<noun> is in status: …"

  // In the order of their calls. Chooses names.
  virtual Status prepare(Task& task) = 0;
  virtual Result<Value> request(Task& task) = 0;
  virtual Result<Value> submit(Task& task, const Value& request) = 0;
  virtual Status announce(Task& task, const Value& job) = 0;
  virtual Result<JobStatus> status(Task& task) = 0;
  virtual void print_logs(Task&) {}
  virtual Result<Value> results(Task& task) = 0;  // an object: output's name to its value

  // On SIGTERM, once. The component goes on looking: the job's end is seen as any other.
  virtual Status stop(Task&) { return {}; }
};

// By its name on the command line ("train"). Errors: invalid_argument, a sentence that names those that there are.
Result<std::unique_ptr<Component>> component_named(std::string_view name);

// Version 1 of the published components: AWS's own calls.
std::unique_ptr<Component> process_component();
std::unique_ptr<Component> hyperparameter_tuning_component();
std::unique_ptr<Component> train_component();
std::unique_ptr<Component> model_component();
std::unique_ptr<Component> deploy_component();
std::unique_ptr<Component> batch_transform_component();
std::unique_ptr<Component> ground_truth_component();
std::unique_ptr<Component> workteam_component();
std::unique_ptr<Component> rlestimator_component();
std::unique_ptr<Component> create_simulation_app_component();
std::unique_ptr<Component> delete_simulation_app_component();
std::unique_ptr<Component> simulation_job_component();
std::unique_ptr<Component> simulation_job_batch_component();

// Version 2: custom resources of Kubernetes (custom_resource.h).
std::unique_ptr<Component> training_job_resource();
std::unique_ptr<Component> model_resource();
std::unique_ptr<Component> endpoint_config_resource();
std::unique_ptr<Component> endpoint_resource();
std::unique_ptr<Component> monitoring_schedule_resource();
std::unique_ptr<Component> data_quality_resource();
std::unique_ptr<Component> model_bias_resource();
std::unique_ptr<Component> model_quality_resource();
std::unique_ptr<Component> model_explainability_resource();

}  // namespace millrace::components
