// CreateProcessingJob: a script or container over data in S3.

#include "components/common_arguments.h"
#include "components/job.h"
#include "components/log_lines.h"
#include "components/request_parts.h"

namespace millrace::components {
namespace {

constexpr JobKind kKind{"ProcessingJob", "ProcessingJob", "/aws/sagemaker/ProcessingJobs"};

constexpr auto kArguments = argument_table(kCommonArguments, kJobArguments,
                                           std::array{
                                               ArgumentSpec{"job_name", ArgumentType::string},
                                               ArgumentSpec{"image", ArgumentType::string, "", true},
                                               ArgumentSpec{"max_run_time", ArgumentType::integer, "86400"},
                                               ArgumentSpec{"environment", ArgumentType::object, "{}"},
                                               ArgumentSpec{"container_entrypoint", ArgumentType::array, "[]"},
                                               ArgumentSpec{"container_arguments", ArgumentType::array, "[]"},
                                               ArgumentSpec{"output_config", ArgumentType::array, "[]", true},
                                               ArgumentSpec{"input_config", ArgumentType::array, "[]"},
                                           });
constexpr std::string_view kOutputs[] = {"job_name", "output_artifacts"};

class Process final : public Job {
 public:
  Process() : Job(kKind) {}
  std::span<const ArgumentSpec> arguments() const override { return kArguments; }
  std::span<const std::string_view> outputs() const override { return kOutputs; }

  Result<Value> request(Task& task) override {
    const Arguments& a = task.arguments;
    if (!a.given("output_config")) return fail(Code::invalid_argument, "Must specify at least one output channel.");
    Value request = Value::object({{"ProcessingJobName", name()}, {"RoleArn", a.text("role")}});
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
    if (!a.given("max_run_time")) return fail(Code::invalid_argument, "argument --max_run_time: 0 is no time to run.");
    request.set("StoppingCondition", Value::object({{"MaxRuntimeInSeconds", a.integer("max_run_time")}}));

    Value application = Value::object({{"ImageUri", a.text("image")}});
    application.set_if(a.given("container_entrypoint"), "ContainerEntrypoint", a.inputs["container_entrypoint"]);
    application.set_if(a.given("container_arguments"), "ContainerArguments", a.inputs["container_arguments"]);
    request.set("AppSpecification", std::move(application));
    request.set("Environment", a.inputs["environment"]);
    request.set("Tags", MR_TRY(tag_list(a, "tags")));
    return request;
  }

  Status announce(Task& task, const Value&) override {
    log_info("Created Processing Job with name: " + name());
    log_cloudwatch_url(task.arguments, kKind.log_group, name());
    return {};
  }

  Result<Value> results(Task& task) override {
    const Value job = MR_TRY(describe(task));
    Value artifacts = Value::object();
    for (const Value& output : job["ProcessingOutputConfig"]["Outputs"].items()) {
      artifacts.set(output["OutputName"].string_or(), output["S3Output"]["S3Uri"]);
    }
    return Value::object({{"job_name", name()}, {"output_artifacts", std::move(artifacts)}});
  }
};

}  // namespace

std::unique_ptr<Component> process_component() { return std::make_unique<Process>(); }

}  // namespace millrace::components
