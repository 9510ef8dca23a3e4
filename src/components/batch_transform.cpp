// CreateTransformJob: predictions for a folder of S3.

#include "components/common_arguments.h"
#include "components/job.h"
#include "components/log_lines.h"
#include "components/request_parts.h"

namespace millrace::components {
namespace {

constexpr JobKind kKind{"TransformJob", "BatchTransform", "/aws/sagemaker/TransformJobs"};

constexpr auto kArguments =
    argument_table(kCommonArguments,
                   std::array{
                       ArgumentSpec{"job_name", ArgumentType::string},
                       ArgumentSpec{"model_name", ArgumentType::string, "", true},
                       ArgumentSpec{"max_concurrent", ArgumentType::integer, "0"},
                       ArgumentSpec{"max_payload", ArgumentType::integer, "6"},
                       ArgumentSpec{"batch_strategy", ArgumentType::string, "", false, "MultiRecord|SingleRecord|"},
                       ArgumentSpec{"environment", ArgumentType::object, "{}"},
                       ArgumentSpec{"input_location", ArgumentType::string, "", true},
                       ArgumentSpec{"data_type", ArgumentType::string, "S3Prefix", false,
                                    "ManifestFile|S3Prefix|AugmentedManifestFile|"},
                       ArgumentSpec{"content_type", ArgumentType::string},
                       ArgumentSpec{"split_type", ArgumentType::string, "None", false, "None|Line|RecordIO|TFRecord|"},
                       ArgumentSpec{"compression_type", ArgumentType::string, "None", false, "None|Gzip|"},
                       ArgumentSpec{"output_location", ArgumentType::string, "", true},
                       ArgumentSpec{"accept", ArgumentType::string, kNone},
                       ArgumentSpec{"assemble_with", ArgumentType::string, kNone, false, "None|Line|"},
                       ArgumentSpec{"output_encryption_key", ArgumentType::string},
                       ArgumentSpec{"input_filter", ArgumentType::string},
                       ArgumentSpec{"output_filter", ArgumentType::string},
                       ArgumentSpec{"join_source", ArgumentType::string, "None", false, "None|Input|"},
                       ArgumentSpec{"instance_type", ArgumentType::string, "ml.m4.xlarge"},
                       ArgumentSpec{"instance_count", ArgumentType::integer, "1"},
                       ArgumentSpec{"resource_encryption_key", ArgumentType::string},
                   });
constexpr std::string_view kOutputs[] = {"output_location"};

std::string text_or(const Arguments& a, std::string_view name, std::string_view otherwise) {
  return a.given(name) ? a.text(name) : std::string(otherwise);
}

class BatchTransform final : public Job {
 public:
  BatchTransform() : Job(kKind) {}
  std::span<const ArgumentSpec> arguments() const override { return kArguments; }
  std::span<const std::string_view> outputs() const override { return kOutputs; }

  Result<Value> request(Task& task) override {
    const Arguments& a = task.arguments;
    Value request = Value::object({{"TransformJobName", name()},
                                   {"ModelName", a.text("model_name")},
                                   {"MaxConcurrentTransforms", a.integer("max_concurrent")},
                                   {"MaxPayloadInMB", a.integer("max_payload")}});
    request.set_if(a.given("batch_strategy"), "BatchStrategy", a.text("batch_strategy"));
    request.set("Environment", a.given("environment") ? a.inputs["environment"] : Value::object());
    request.set(
        "TransformInput",
        Value::object(
            {{"DataSource",
              Value::object({{"S3DataSource", Value::object({{"S3DataType", text_or(a, "data_type", "S3Prefix")},
                                                             {"S3Uri", a.text("input_location")}})}})},
             {"ContentType", a.text("content_type")},
             {"CompressionType", text_or(a, "compression_type", "None")},
             {"SplitType", text_or(a, "split_type", "None")}}));

    Value output = Value::object({{"S3OutputPath", a.text("output_location")}, {"Accept", a.inputs["accept"]}});
    output.set_if(a.given("assemble_with"), "AssembleWith", a.text("assemble_with"));
    output.set_if(a.given("output_encryption_key"), "KmsKeyId", a.text("output_encryption_key"));
    request.set("TransformOutput", std::move(output));

    Value resources =
        Value::object({{"InstanceType", a.text("instance_type")}, {"InstanceCount", a.integer("instance_count")}});
    resources.set_if(a.given("resource_encryption_key"), "VolumeKmsKeyId", a.text("resource_encryption_key"));
    request.set("TransformResources", std::move(resources));

    Value processing = Value::object();
    processing.set_if(a.given("input_filter"), "InputFilter", a.text("input_filter"));
    processing.set_if(a.given("output_filter"), "OutputFilter", a.text("output_filter"));
    request.set("DataProcessing", std::move(processing.set("JoinSource", text_or(a, "join_source", "None"))));
    request.set("Tags", MR_TRY(tag_list(a, "tags")));
    return request;
  }

  Status announce(Task& task, const Value&) override {
    log_info("Created Transform Job with name: " + name());
    log_info("Transform job in SageMaker: " + console_url(task.arguments, "sagemaker", "/transform-jobs/" + name()));
    log_cloudwatch_url(task.arguments, kKind.log_group, name());
    return {};
  }

  Result<Value> results(Task& task) override {
    return Value::object({{"output_location", task.arguments.text("output_location")}});
  }
};

}  // namespace

std::unique_ptr<Component> batch_transform_component() { return std::make_unique<BatchTransform>(); }

}  // namespace millrace::components
