// CreateProcessingJob: a script or container over data in S3.

#include "components/component.h"
#include "components/job_logs.h"
#include "components/job_status.h"
#include "components/log_lines.h"
#include "components/names.h"
#include "components/request_parts.h"

namespace millrace::components {
namespace {

constexpr std::string_view kLogGroup = "/aws/sagemaker/ProcessingJobs";

constexpr ArgumentSpec kArguments[] = {
    {"region", ArgumentType::string, "", true},
    {"endpoint_url", ArgumentType::string},
    {"assume_role", ArgumentType::string},
    {"tags", ArgumentType::object, "{}"},
    {"job_name", ArgumentType::string},
    {"role", ArgumentType::string, "", true},
    {"image", ArgumentType::string},
    {"instance_type", ArgumentType::string, "ml.m4.xlarge"},
    {"instance_count", ArgumentType::integer, "1"},
    {"volume_size", ArgumentType::integer, "30"},
    {"resource_encryption_key", ArgumentType::string},
    {"output_encryption_key", ArgumentType::string},
    {"max_run_time", ArgumentType::integer, "86400"},
    {"environment", ArgumentType::object, "{}"},
    {"container_entrypoint", ArgumentType::array, "[]"},
    {"container_arguments", ArgumentType::array, "[]"},
    {"output_config", ArgumentType::array, "[]"},
    {"input_config", ArgumentType::array, "[]"},
    {"vpc_security_group_ids", ArgumentType::string},
    {"vpc_subnets", ArgumentType::string},
    {"network_isolation", ArgumentType::boolean, "True"},
    {"traffic_encryption", ArgumentType::boolean, "False"},
};
constexpr std::string_view kOutputs[] = {"job_name", "output_artifacts"};

class Process final : public Component {
 public:
  std::span<const ArgumentSpec> arguments() const override { return kArguments; }
  std::span<const std::string_view> outputs() const override { return kOutputs; }

  Status prepare(Task& task) override {
    name_ = task.arguments.text("job_name");
    own_name_ = name_.empty();
    if (own_name_) name_ = generated_name("ProcessingJob", task.clock);
    return {};
  }

  Result<Value> request(Task& task) override {
    const Arguments& a = task.arguments;
    if (!a.given("output_config")) return fail(Code::invalid_argument, "Must specify at least one output channel.");
    Value request = Value::object({{"ProcessingJobName", name_}, {"RoleArn", a.text("role")}});
    request.set_if(a.given("input_config"), "ProcessingInputs", a.inputs["input_config"]);
    Value outputs = Value::object({{"Outputs", a.inputs["output_config"]}});
    outputs.set_if(a.given("output_encryption_key"), "KmsKeyId", a.text("output_encryption_key"));
    request.set("ProcessingOutputConfig", std::move(outputs));

    Value cluster = Value::object({{"InstanceType", a.text("instance_type")},
                                   {"InstanceCount", a.integer("instance_count")},
                                   {"VolumeSizeInGB", a.integer("volume_size")}});
    cluster.set_if(a.given("resource_encryption_key"), "VolumeKmsKeyId", a.text("resource_encryption_key"));
    request.set("ProcessingResources", Value::object({{"ClusterConfig", std::move(cluster)}}));

    Value network = Value::object({{"EnableInterContainerTrafficEncryption", a.flag("traffic_encryption")},
                                   {"EnableNetworkIsolation", a.flag("network_isolation")}});
    add_vpc(network, a);
    request.set("NetworkConfig", std::move(network));
    if (a.given("max_run_time")) {
      request.set("StoppingCondition", Value::object({{"MaxRuntimeInSeconds", a.integer("max_run_time")}}));
    }

    Value application = Value::object({{"ImageUri", a.text("image")}});
    application.set_if(a.given("container_entrypoint"), "ContainerEntrypoint", a.inputs["container_entrypoint"]);
    application.set_if(a.given("container_arguments"), "ContainerArguments", a.inputs["container_arguments"]);
    request.set("AppSpecification", std::move(application));
    request.set("Environment", a.inputs["environment"]);
    request.set("Tags", tag_list(a.inputs["tags"]));
    return request;
  }

  Result<Value> submit(Task& task, const Value& request) override {
    return task.session.create({"CreateProcessingJob", "DescribeProcessingJob", "ProcessingJobName", own_name_},
                               request);
  }

  void announce(Task& task, const Value&) override {
    log_info("Created Processing Job with name: " + name_);
    log_cloudwatch_url(task.arguments, kLogGroup, name_);
  }

  Result<JobStatus> status(Task& task) override { return job_status(MR_TRY(describe(task)), "ProcessingJobStatus"); }

  void print_logs(Task& task) override { print_job_logs(task.session, std::string(kLogGroup), name_); }

  Result<Value> results(Task& task) override {
    const Value job = MR_TRY(describe(task));
    Value artifacts = Value::object();
    for (const Value& output : job["ProcessingOutputConfig"]["Outputs"].items()) {
      artifacts.set(output["OutputName"].string_or(), output["S3Output"]["S3Uri"]);
    }
    return Value::object({{"job_name", name_}, {"output_artifacts", std::move(artifacts)}});
  }

  Result<bool> stop(Task& task) override {
    MR_TRY(task.session.sagemaker("StopProcessingJob", Value::object({{"ProcessingJobName", name_}})));
    return true;
  }

 private:
  Result<Value> describe(Task& task) const {
    return task.session.sagemaker("DescribeProcessingJob", Value::object({{"ProcessingJobName", name_}}));
  }

  std::string name_;
  bool own_name_ = false;
};

}  // namespace

std::unique_ptr<Component> process_component() { return std::make_unique<Process>(); }

}  // namespace millrace::components
