// CreateTransformJob: predictions for a folder of S3.

#include "components/component.h"
#include "components/job_logs.h"
#include "components/job_status.h"
#include "components/log_lines.h"
#include "components/names.h"
#include "components/request_parts.h"

namespace millrace::components {
namespace {

constexpr std::string_view kLogGroup = "/aws/sagemaker/TransformJobs";

constexpr ArgumentSpec kArguments[] = {
    {"region", ArgumentType::string, "", true},
    {"endpoint_url", ArgumentType::string},
    {"assume_role", ArgumentType::string},
    {"tags", ArgumentType::object, "{}"},
    {"job_name", ArgumentType::string},
    {"model_name", ArgumentType::string, "", true},
    {"max_concurrent", ArgumentType::integer, "0"},
    {"max_payload", ArgumentType::integer, "6"},
    {"batch_strategy", ArgumentType::string, "", false, "MultiRecord|SingleRecord|"},
    {"environment", ArgumentType::object, "{}"},
    {"input_location", ArgumentType::string, "", true},
    {"data_type", ArgumentType::string, "S3Prefix", false, "ManifestFile|S3Prefix|AugmentedManifestFile|"},
    {"content_type", ArgumentType::string},
    {"split_type", ArgumentType::string, "None", false, "None|Line|RecordIO|TFRecord|"},
    {"compression_type", ArgumentType::string, "None", false, "None|Gzip|"},
    {"output_location", ArgumentType::string, "", true},
    {"accept", ArgumentType::string},
    {"assemble_with", ArgumentType::string, "", false, "None|Line|"},
    {"output_encryption_key", ArgumentType::string},
    {"input_filter", ArgumentType::string},
    {"output_filter", ArgumentType::string},
    {"join_source", ArgumentType::string, "None", false, "None|Input|"},
    {"instance_type", ArgumentType::string, "ml.m4.xlarge"},
    {"instance_count", ArgumentType::integer, "1"},
    {"resource_encryption_key", ArgumentType::string},
};
constexpr std::string_view kOutputs[] = {"output_location"};

std::string text_or(const Arguments& a, std::string_view name, std::string_view otherwise) {
  return a.given(name) ? a.text(name) : std::string(otherwise);
}

class BatchTransform final : public Component {
 public:
  std::span<const ArgumentSpec> arguments() const override { return kArguments; }
  std::span<const std::string_view> outputs() const override { return kOutputs; }

  Status prepare(Task& task) override {
    name_ = task.arguments.text("job_name");
    own_name_ = name_.empty();
    if (own_name_) name_ = generated_name("BatchTransform", task.clock);
    return {};
  }

  Result<Value> request(Task& task) override {
    const Arguments& a = task.arguments;
    Value request = Value::object({{"TransformJobName", name_},
                                   {"ModelName", a.text("model_name")},
                                   {"MaxConcurrentTransforms", a.integer("max_concurrent")},
                                   {"MaxPayloadInMB", a.integer("max_payload")}});
    request.set_if(a.given("batch_strategy"), "BatchStrategy", a.text("batch_strategy"));
    request.set("Environment", a.inputs["environment"]);
    request.set(
        "TransformInput",
        Value::object(
            {{"DataSource",
              Value::object({{"S3DataSource", Value::object({{"S3DataType", text_or(a, "data_type", "S3Prefix")},
                                                             {"S3Uri", a.text("input_location")}})}})},
             {"ContentType", a.text("content_type")},
             {"CompressionType", text_or(a, "compression_type", "None")},
             {"SplitType", text_or(a, "split_type", "None")}}));

    Value output = Value::object({{"S3OutputPath", a.text("output_location")}, {"Accept", a.text("accept")}});
    output.set_if(a.given("assemble_with"), "AssembleWith", a.text("assemble_with"));
    output.set_if(a.given("output_encryption_key"), "KmsKeyId", a.text("output_encryption_key"));
    request.set("TransformOutput", std::move(output));

    Value resources =
        Value::object({{"InstanceType", a.text("instance_type")}, {"InstanceCount", a.integer("instance_count")}});
    resources.set_if(a.given("resource_encryption_key"), "VolumeKmsKeyId", a.text("resource_encryption_key"));
    request.set("TransformResources", std::move(resources));

    request.set("DataProcessing", Value::object({{"InputFilter", a.text("input_filter")},
                                                 {"OutputFilter", a.text("output_filter")},
                                                 {"JoinSource", text_or(a, "join_source", "None")}}));
    request.set("Tags", tag_list(a.inputs["tags"]));
    return request;
  }

  Result<Value> submit(Task& task, const Value& request) override {
    return task.session.create({"CreateTransformJob", "DescribeTransformJob", "TransformJobName", own_name_}, request);
  }

  void announce(Task& task, const Value&) override {
    log_info("Created Transform Job with name: " + name_);
    log_info("Transform job in SageMaker: " + console_url(task.arguments, "sagemaker", "/jobs/" + name_));
    log_cloudwatch_url(task.arguments, kLogGroup, name_);
  }

  Result<JobStatus> status(Task& task) override {
    return job_status(
        MR_TRY(task.session.sagemaker("DescribeTransformJob", Value::object({{"TransformJobName", name_}}))),
        "TransformJobStatus");
  }

  void print_logs(Task& task) override { print_job_logs(task.session, std::string(kLogGroup), name_); }

  Result<Value> results(Task& task) override {
    return Value::object({{"output_location", task.arguments.text("output_location")}});
  }

  Result<bool> stop(Task& task) override {
    MR_TRY(task.session.sagemaker("StopTransformJob", Value::object({{"TransformJobName", name_}})));
    return true;
  }

 private:
  std::string name_;
  bool own_name_ = false;
};

}  // namespace

std::unique_ptr<Component> batch_transform_component() { return std::make_unique<BatchTransform>(); }

}  // namespace millrace::components
