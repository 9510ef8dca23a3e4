// RoboMaker's CreateSimulationJob and StartSimulationJobBatch.

#include <set>

#include <fmt/core.h>

#include "base/ids.h"
#include "components/common_arguments.h"
#include "components/component.h"
#include "components/job_logs.h"
#include "components/log_lines.h"
#include "components/request_parts.h"

namespace millrace::components {
namespace {

constexpr std::string_view kLogGroup = "/aws/robomaker/SimulationJobs";

constexpr auto kJobArgumentsOfSimulation =
    argument_table(kCommonArguments, std::array{
                                         ArgumentSpec{"role", ArgumentType::string, "", true},
                                         ArgumentSpec{"output_bucket", ArgumentType::string, "", true},
                                         ArgumentSpec{"output_path", ArgumentType::string, "", true},
                                         ArgumentSpec{"max_run", ArgumentType::integer, "28800", true},
                                         ArgumentSpec{"failure_behavior", ArgumentType::string, "Fail"},
                                         ArgumentSpec{"sim_app_arn", ArgumentType::string},
                                         ArgumentSpec{"sim_app_version", ArgumentType::string},
                                         ArgumentSpec{"sim_app_launch_config", ArgumentType::object, "{}"},
                                         ArgumentSpec{"sim_app_world_config", ArgumentType::array, "[]"},
                                         ArgumentSpec{"robot_app_arn", ArgumentType::string},
                                         ArgumentSpec{"robot_app_version", ArgumentType::string},
                                         ArgumentSpec{"robot_app_launch_config", ArgumentType::object, "{}"},
                                         ArgumentSpec{"data_sources", ArgumentType::array, "[]"},
                                         ArgumentSpec{"vpc_security_group_ids", ArgumentType::array, "[]"},
                                         ArgumentSpec{"vpc_subnets", ArgumentType::array, "[]"},
                                         ArgumentSpec{"use_public_ip", ArgumentType::truth},
                                         ArgumentSpec{"sim_unit_limit", ArgumentType::integer, "15"},
                                         ArgumentSpec{"record_ros_topics", ArgumentType::truth},
                                     });
constexpr std::string_view kJobOutputs[] = {"arn", "output_artifacts", "job_id"};

constexpr auto kBatchArguments =
    argument_table(kCommonArguments, std::array{
                                         ArgumentSpec{"role", ArgumentType::string, "", true},
                                         ArgumentSpec{"timeout_in_secs", ArgumentType::integer, "0"},
                                         ArgumentSpec{"max_concurrency", ArgumentType::integer, "0"},
                                         ArgumentSpec{"simulation_job_requests", ArgumentType::array, "", true},
                                         ArgumentSpec{"sim_app_arn", ArgumentType::string},
                                     });
constexpr std::string_view kBatchOutputs[] = {"arn", "batch_job_id"};

std::string id_of(const Value& arn) {
  const std::string text = arn.string_or();
  return text.substr(text.rfind('/') + 1);
}

// "…in status:Failed", then what the description gives of its reason and its code.
std::string failure(std::string_view what, const Value& description) {
  std::string message = fmt::format("{} is in status:{}\n", what, description["status"].string_or());
  if (description.has("failureReason")) {
    message += "Simulation failed with reason:" + description["failureReason"].string_or();
  }
  if (description.has("failureCode")) {
    message += "Simulation failed with errorCode:" + description["failureCode"].string_or();
  }
  return message;
}

// An application that is simulated: its version and its worlds are not sent, as the published component does not.
Result<Value> application(const Arguments& a, std::string_view prefix, std::string_view title) {
  const std::string launch = fmt::format("{}_launch_config", prefix);
  if (!a.given(launch)) {
    return fail(Code::invalid_argument, fmt::format("Must specify a Launch Config for your {} App", title));
  }
  return Value::array(
      {Value::object({{"application", a.text(fmt::format("{}_arn", prefix))}, {"launchConfig", a.inputs[launch]}})});
}

class SimulationJob final : public Component {
 public:
  std::span<const ArgumentSpec> arguments() const override { return kJobArgumentsOfSimulation; }
  std::span<const std::string_view> outputs() const override { return kJobOutputs; }

  Status prepare(Task&) override { return {}; }

  Result<Value> request(Task& task) override {
    const Arguments& a = task.arguments;
    if (!a.given("sim_app_arn") && !a.given("robot_app_arn")) {
      return fail(Code::invalid_argument, "Must specify a Simulation App ARN or a Robot App ARN.");
    }
    Value request =
        Value::object({{"outputLocation",
                        Value::object({{"s3Bucket", a.text("output_bucket")}, {"s3Prefix", a.text("output_path")}})}});
    request.set_if(a.flag("record_ros_topics"), "loggingConfig", Value::object({{"recordAllRosTopics", true}}));
    request.set("maxJobDurationInSeconds", a.integer("max_run")).set("iamRole", a.text("role"));
    request.set_if(a.given("failure_behavior"), "failureBehavior", a.text("failure_behavior"));
    if (a.given("robot_app_arn")) request.set("robotApplications", MR_TRY(application(a, "robot_app", "Robot")));
    if (a.given("sim_app_arn")) {
      request.set("simulationApplications", MR_TRY(application(a, "sim_app", "Simulation")));
    }
    request.set_if(a.given("data_sources"), "dataSources", a.inputs["data_sources"]);
    add_network(request, a);
    const std::int64_t units = a.given("sim_unit_limit") ? a.integer("sim_unit_limit") : kPresetUnits;
    request.set("compute", Value::object({{"simulationUnitLimit", units}}));
    if (!MR_TRY(object_of(a, "tags")).empty()) {
      return fail(Code::invalid_argument, "argument --tags: the published component cannot tag a simulation job.");
    }
    return request.set("tags", Value::object());
  }

  Result<Value> submit(Task& task, const Value& request) override {
    Value named = request;  // AWS's client makes a request that is sent again be the same one
    const Value job = MR_TRY(task.session.robomaker("CreateSimulationJob", named.set("clientRequestToken", uuid4())));
    arn_ = job["arn"];
    return job;
  }

  Status announce(Task& task, const Value&) override {
    log_info("Started Robomaker Simulation Job with ID: " + id_of(arn_));
    log_console(task);
    return {};
  }

  Result<JobStatus> status(Task& task) override {
    const Value job = MR_TRY(describe(task));
    const std::string status = job["status"].string_or();
    if (status == "Completed") return JobStatus{true, false, status, ""};
    if (status == "Terminating" || status == "Terminated" || status == "Canceled") {
      const bool failed = job.has("failureCode");
      return JobStatus{true, failed, status, "Simulation failed with code:" + job["failureCode"].string_or()};
    }
    const bool failed = status == "Failed" || status == "RunningFailed";
    return JobStatus{failed, failed, status, failed ? failure("Simulation job", job) : ""};
  }

  void print_logs(Task& task) override { print_job_logs(task.session, std::string(kLogGroup), id_of(arn_)); }

  Result<Value> results(Task& task) override {
    const Value location = MR_TRY(describe(task))["outputLocation"];
    log_console(task);
    return Value::object({{"arn", arn_},
                          {"job_id", id_of(arn_)},
                          {"output_artifacts", fmt::format("s3://{}/{}", location["s3Bucket"].string_or(),
                                                           location["s3Prefix"].string_or())}});
  }

  Status stop(Task& task) override {
    MR_TRY(task.session.robomaker("CancelSimulationJob", Value::object({{"job", arn_}})));
    return {};
  }

 private:
  static constexpr std::int64_t kPresetUnits = 15;

  static void add_network(Value& request, const Arguments& a) {
    if (!a.given("vpc_subnets")) return;
    const Value groups = a.given("vpc_security_group_ids") ? a.inputs["vpc_security_group_ids"] : Value::array();
    request.set("vpcConfig", Value::object({{"subnets", a.inputs["vpc_subnets"]},
                                            {"securityGroups", groups},
                                            {"assignPublicIp", a.flag("use_public_ip")}}));
  }

  Result<Value> describe(Task& task) const {
    return task.session.robomaker("DescribeSimulationJob", Value::object({{"job", arn_}}));
  }
  void log_console(Task& task) const {
    log_info("Simulation Job in RoboMaker: " +
             console_url(task.arguments, "robomaker", "/simulationJobs/" + id_of(arn_)));
  }

  Value arn_;
};

class SimulationJobBatch final : public Component {
 public:
  std::span<const ArgumentSpec> arguments() const override { return kBatchArguments; }
  std::span<const std::string_view> outputs() const override { return kBatchOutputs; }

  Status prepare(Task&) override { return {}; }

  Result<Value> request(Task& task) override {
    const Arguments& a = task.arguments;
    Value request = Value::object(), policy = Value::object();
    // Of the two, one that is not given is sent as null, which AWS's client refuses, as the published component's does.
    if (a.given("timeout_in_secs") || a.given("max_concurrency")) {
      policy.set("timeoutInSeconds", a.given("timeout_in_secs") ? a.inputs["timeout_in_secs"] : Value());
      policy.set("maxConcurrency", a.given("max_concurrency") ? a.inputs["max_concurrency"] : Value());
      request.set("batchPolicy", std::move(policy));
    }
    Value jobs = MR_TRY(array_of(a, "simulation_job_requests"));
    if (a.given("sim_app_arn")) MR_TRY(name_application(jobs, a.text("sim_app_arn")));
    request.set("createSimulationJobRequests", std::move(jobs));
    return request.set("tags", Value::object());
  }

  Result<Value> submit(Task& task, const Value& request) override {
    Value named = request;
    const Value batch =
        MR_TRY(task.session.robomaker("StartSimulationJobBatch", named.set("clientRequestToken", uuid4())));
    arn_ = batch["arn"];
    return batch;
  }

  Status announce(Task& task, const Value& batch) override {
    const std::string id = id_of(arn_);
    log_info("Started Robomaker Simulation Job Batch with ID: " + id);
    log_info("Simulation Job Batch in RoboMaker: " +
             console_url(task.arguments, "robomaker", "/simulationJobBatches/" + id));
    for (const Value& job : batch["createdRequests"].items()) {
      jobs_.insert(id_of(job["arn"]));
      log_info("Started Robomaker Simulation Job with ID: " + id_of(job["arn"]));
    }
    if (!batch["pendingRequests"].empty()) log_info("Some Simulation Requests are in state Pending");
    if (!batch["failedRequests"].empty()) log_info("Some Simulation Requests are in state Failed");
    return {};
  }

  Result<JobStatus> status(Task& task) override {
    const Value batch = MR_TRY(task.session.robomaker("DescribeSimulationJobBatch", Value::object({{"batch", arn_}})));
    const std::string status = batch["status"].string_or();
    if (status == "Completed") return JobStatus{true, false, status, ""};
    if (status == "TimedOut" || status == "Canceled") return status_of_jobs(task, batch);
    const bool failed = status == "Failed";
    return JobStatus{failed, failed, status, failed ? failure("Simulation batch job", batch) : ""};
  }

  void print_logs(Task& task) override {
    for (const std::string& job : jobs_) print_job_logs(task.session, std::string(kLogGroup), job);
  }

  Result<Value> results(Task& task) override {
    for (const std::string& job : jobs_) {
      log_info("Simulation Job in RoboMaker: " +
               console_url(task.arguments, "robomaker", "/simulationJobBatches/" + job));
    }
    return Value::object({{"arn", arn_}, {"batch_job_id", id_of(arn_)}});
  }

  Status stop(Task& task) override {
    MR_TRY(task.session.robomaker("CancelSimulationJobBatch", Value::object({{"batch", arn_}})));
    return {};
  }

 private:
  static Status name_application(Value& jobs, const std::string& arn) {
    for (Value& job : jobs.as_array()) {
      Value* applications = job.find("simulationApplications");
      if (applications == nullptr || !applications->is_array()) {
        return fail(Code::invalid_argument, "A simulation job's request has no simulationApplications.");
      }
      for (Value& application : applications->as_array()) application.set("application", arn);
    }
    return {};
  }

  Result<JobStatus> status_of_jobs(Task& task, const Value& batch) {
    JobStatus status{true, false, batch["status"].string_or(), "Simulation jobs are completed\n"};
    for (const Value& created : batch["createdRequests"].items()) {
      jobs_.insert(id_of(created["arn"]));
      const Value job =
          MR_TRY(task.session.robomaker("DescribeSimulationJob", Value::object({{"job", created["arn"]}})));
      if (!job.has("failureCode")) continue;
      status.has_error = true;
      status.error_message += fmt::format("Simulation job: {} failed with errorCode:{}\n", job["arn"].string_or(),
                                          job["failureCode"].string_or());
    }
    return status;
  }

  Value arn_;
  std::set<std::string> jobs_;
};

}  // namespace

std::unique_ptr<Component> simulation_job_component() { return std::make_unique<SimulationJob>(); }
std::unique_ptr<Component> simulation_job_batch_component() { return std::make_unique<SimulationJobBatch>(); }

}  // namespace millrace::components
