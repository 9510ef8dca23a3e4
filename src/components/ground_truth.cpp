// CreateLabelingJob: people label the objects of a manifest.

#include <algorithm>
#include <cmath>
#include <optional>

#include <fmt/core.h>

#include "base/strings.h"
#include "components/common_arguments.h"
#include "components/job.h"
#include "components/log_lines.h"
#include "components/request_parts.h"

namespace millrace::components {
namespace {

constexpr JobKind kKind{"LabelingJob", "LabelingJob", ""};

constexpr auto kArguments =
    argument_table(kCommonArguments, std::array{
                                         ArgumentSpec{"role", ArgumentType::string, "", true},
                                         ArgumentSpec{"job_name", ArgumentType::string, kNone},
                                         ArgumentSpec{"label_attribute_name", ArgumentType::string},
                                         ArgumentSpec{"manifest_location", ArgumentType::string, "", true},
                                         ArgumentSpec{"output_location", ArgumentType::string, "", true},
                                         ArgumentSpec{"output_encryption_key", ArgumentType::string},
                                         ArgumentSpec{"task_type", ArgumentType::string, "", true},
                                         ArgumentSpec{"worker_type", ArgumentType::string, "", true},
                                         ArgumentSpec{"workteam_arn", ArgumentType::string, kNone},
                                         ArgumentSpec{"no_adult_content", ArgumentType::boolean, "False"},
                                         ArgumentSpec{"no_ppi", ArgumentType::boolean, "False"},
                                         ArgumentSpec{"label_category_config", ArgumentType::string},
                                         ArgumentSpec{"max_human_labeled_objects", ArgumentType::integer, "0"},
                                         ArgumentSpec{"max_percent_objects", ArgumentType::integer, "0"},
                                         ArgumentSpec{"enable_auto_labeling", ArgumentType::boolean, "False"},
                                         ArgumentSpec{"initial_model_arn", ArgumentType::string},
                                         ArgumentSpec{"resource_encryption_key", ArgumentType::string},
                                         ArgumentSpec{"ui_template", ArgumentType::string, "", true},
                                         ArgumentSpec{"pre_human_task_function", ArgumentType::string},
                                         ArgumentSpec{"post_human_task_function", ArgumentType::string},
                                         ArgumentSpec{"task_keywords", ArgumentType::string},
                                         ArgumentSpec{"title", ArgumentType::string, "", true},
                                         ArgumentSpec{"description", ArgumentType::string, "", true},
                                         ArgumentSpec{"num_workers_per_object", ArgumentType::integer, "", true},
                                         ArgumentSpec{"time_limit", ArgumentType::integer, "", true},
                                         ArgumentSpec{"task_availibility", ArgumentType::integer, "0"},
                                         ArgumentSpec{"max_concurrent_tasks", ArgumentType::integer, "0"},
                                         ArgumentSpec{"workforce_task_price", ArgumentType::number, "0.000"},
                                     });
constexpr std::string_view kOutputs[] = {"output_manifest_location", "active_learning_model_arn"};

// The accounts that AWS's own functions for labelling tasks are in.
constexpr std::pair<std::string_view, std::string_view> kFunctionAccounts[] = {
    {"us-west-2", "081040173940"},    {"us-east-1", "432418664414"},      {"us-east-2", "266458841044"},
    {"ca-central-1", "918755190332"}, {"eu-west-1", "568282634449"},      {"eu-west-2", "487402164563"},
    {"eu-central-1", "203001061592"}, {"ap-northeast-1", "477331159723"}, {"ap-northeast-2", "845288260483"},
    {"ap-south-1", "565803892007"},   {"ap-southeast-1", "377565633583"}, {"ap-southeast-2", "454466003867"},
};
struct LabelingTask {
  std::string_view type, function;
  bool labels_automatically;
};
constexpr LabelingTask kTasks[] = {
    {"bounding box", "BoundingBox", true},
    {"image classification", "ImageMultiClass", true},
    {"semantic segmentation", "SemanticSegmentation", false},
    {"text classification", "TextMultiClass", true},
};
constexpr std::string_view kAlgorithmAccount = "027400017018";
constexpr std::string_view kPublicTeamAccount = "394669845002";

const LabelingTask* task_of(const std::string& type) {
  const auto* found = std::ranges::find(kTasks, type, &LabelingTask::type);
  return found == std::end(kTasks) ? nullptr : found;
}

// A name that is not allowed is left empty, as the published component leaves it; SageMaker refuses it then.
Value label_attribute(const Arguments& a, const std::string& type) {
  if (!a.given("label_attribute_name")) return a.inputs["job_name"];
  const std::string name = a.text("label_attribute_name");
  const std::string ending = name.substr(name.rfind('-') + 1);
  const bool segments = type == "semantic segmentation";
  if (segments ? ending == "ref" : ending != "metadata" && ending != "ref") return name;
  log_error(
      "Invalid label attribute name. If task type is semantic segmentation, name must end in \"-ref\". Else, name "
      "must not end in \"-ref\" or \"-metadata\".");
  return "";
}

Value stopping_conditions(const Arguments& a) {
  Value stopping = Value::object();
  stopping.set_if(a.given("max_human_labeled_objects"), "MaxHumanLabeledObjectCount",
                  a.integer("max_human_labeled_objects"));
  stopping.set_if(a.given("max_percent_objects"), "MaxPercentageOfInputDatasetLabeled",
                  a.integer("max_percent_objects"));
  return stopping;
}

// Where the task has no automatic labels, the published component sends the members empty.
Value algorithms_config(const Arguments& a, const LabelingTask* task) {
  std::string algorithm, key;
  if (task != nullptr && task->labels_automatically) {
    // The published component names this algorithm for every task.
    algorithm = fmt::format("arn:aws:sagemaker:{}:{}:labeling-job-algorithm-specification/image-classification",
                            a.text("region"), kAlgorithmAccount);
    key = a.text("resource_encryption_key");
  } else {
    log_error(
        "Automated data labeling not available for semantic segmentation or custom algorithms. Proceeding without "
        "automated data labeling.");
  }
  Value config = Value::object({{"LabelingJobAlgorithmSpecificationArn", algorithm}});
  config.set_if(algorithm.empty() || a.given("initial_model_arn"), "InitialActiveLearningModelArn",
                algorithm.empty() ? "" : a.text("initial_model_arn"));
  return config.set("LabelingJobResourceConfig", Value::object({{"VolumeKmsKeyId", key}}));
}

struct Functions {
  std::string before, after;
};

Result<Functions> functions_of(const Arguments& a, const std::string& type, const LabelingTask* task) {
  if (task != nullptr) {
    const std::string region = a.text("region");
    const auto* account =
        std::ranges::find(kFunctionAccounts, region, &std::pair<std::string_view, std::string_view>::first);
    if (account == std::end(kFunctionAccounts)) {
      return fail(Code::invalid_argument,
                  fmt::format("AWS's functions for labelling tasks are not known in region {}.", region));
    }
    const std::string functions = fmt::format("arn:aws:lambda:{}:{}:function:", region, account->second);
    return Functions{fmt::format("{}PRE-{}", functions, task->function),
                     fmt::format("{}ACS-{}", functions, task->function)};
  }
  if (type != "custom" && !type.empty()) {
    log_error(
        "Task type must be Bounding Box, Image Classification, Semantic Segmentation, Text Classification, or Custom.");
    return Functions{};
  }
  if (a.given("pre_human_task_function") && a.given("post_human_task_function")) {
    return Functions{a.text("pre_human_task_function"), a.text("post_human_task_function")};
  }
  log_error("Must specify pre-human task lambda arn and annotation consolidation post-human task lambda arn.");
  return Functions{};
}

// US dollars in the three units that SageMaker counts in, as the published component rounds them.
Value price_of(double dollars) {
  const double whole = std::trunc(dollars), cents = std::trunc(100 * (dollars - whole));
  const double tenths = std::trunc(dollars * 1000 - whole * 1000 - cents * 10);
  return Value::object(
      {{"AmountInUsd", Value::object({{"Dollars", static_cast<std::int64_t>(whole)},
                                      {"Cents", static_cast<std::int64_t>(cents)},
                                      {"TenthFractionsOfACent", static_cast<std::int64_t>(tenths)}})}});
}

bool is_public(const Arguments& a) { return to_lower(a.text("worker_type")) == "public"; }

Value human_task(const Arguments& a, const Functions& functions) {
  Value task = Value::object();
  task.set("WorkteamArn", is_public(a) ? Value(fmt::format("arn:aws:sagemaker:{}:{}:workteam/public-crowd/default",
                                                           a.text("region"), kPublicTeamAccount))
                                       : a.inputs["workteam_arn"]);
  task.set("UiConfig", Value::object({{"UiTemplateS3Uri", a.text("ui_template")}}));
  task.set("PreHumanTaskLambdaArn", functions.before);
  if (a.given("task_keywords")) {
    Value keywords = Value::array();
    const std::string words = a.text("task_keywords");
    for (const std::string_view word : split(words, ',')) keywords.push(trim(word));
    task.set("TaskKeywords", std::move(keywords));
  }
  task.set("TaskTitle", a.text("title")).set("TaskDescription", a.text("description"));
  task.set("NumberOfHumanWorkersPerDataObject", a.integer("num_workers_per_object"));
  task.set("TaskTimeLimitInSeconds", a.integer("time_limit"));
  task.set_if(a.given("task_availibility"), "TaskAvailabilityLifetimeInSeconds", a.integer("task_availibility"));
  task.set_if(a.given("max_concurrent_tasks"), "MaxConcurrentTaskCount", a.integer("max_concurrent_tasks"));
  task.set("AnnotationConsolidationConfig", Value::object({{"AnnotationConsolidationLambdaArn", functions.after}}));
  return task.set_if(is_public(a), "PublicWorkforceTaskPrice", price_of(a.number("workforce_task_price")));
}

Value input_config(const Arguments& a) {
  Value input = Value::object(
      {{"DataSource",
        Value::object({{"S3DataSource", Value::object({{"ManifestS3Uri", a.text("manifest_location")}})}})}});
  if (!is_public(a)) return input;
  Value classifiers = Value::array();
  if (a.flag("no_adult_content")) classifiers.push("FreeOfAdultContent");
  if (a.flag("no_ppi")) classifiers.push("FreeOfPersonallyIdentifiableInformation");
  return input.set("DataAttributes", Value::object({{"ContentClassifiers", std::move(classifiers)}}));
}

class GroundTruth final : public Job {
 public:
  GroundTruth() : Job(kKind) {}
  std::span<const ArgumentSpec> arguments() const override { return kArguments; }
  std::span<const std::string_view> outputs() const override { return kOutputs; }

  Result<Value> request(Task& task) override {
    const Arguments& a = task.arguments;
    const std::string type = to_lower(a.text("task_type"));
    const LabelingTask* labeling = task_of(type);
    Value request = Value::object({{"LabelingJobName", name()}, {"LabelAttributeName", label_attribute(a, type)}});
    request.set("InputConfig", input_config(a));
    request.set("OutputConfig", Value::object({{"S3OutputPath", a.text("output_location")},
                                               {"KmsKeyId", a.text("output_encryption_key")}}));
    request.set("RoleArn", a.text("role"));
    request.set_if(a.given("label_category_config"), "LabelCategoryConfigS3Uri", a.text("label_category_config"));
    Value stopping = stopping_conditions(a);
    request.set_if(!stopping.empty(), "StoppingConditions", std::move(stopping));
    if (a.flag("enable_auto_labeling")) request.set("LabelingJobAlgorithmsConfig", algorithms_config(a, labeling));
    request.set("HumanTaskConfig", human_task(a, MR_TRY(functions_of(a, type, labeling))));
    request.set("Tags", MR_TRY(tag_list(a, "tags")));
    return request;
  }

  Status announce(Task& task, const Value&) override {
    const std::string region = task.arguments.text("region");
    log_info("Created Ground Truth Labeling Job with name: " + name());
    log_info(
        fmt::format("Ground Truth job in SageMaker: https://{0}.console.aws.amazon.com/sagemaker/"
                    "groundtruth?region={0}#/labeling-jobs/details/{1}",
                    region, name()));
    return {};
  }

  Result<Value> results(Task& task) override {
    const Value output = MR_TRY(describe(task))["LabelingJobOutput"];
    const bool automatic = task.arguments.flag("enable_auto_labeling");
    return Value::object(
        {{"output_manifest_location", output["OutputDatasetS3Uri"]},
         {"active_learning_model_arn", automatic ? output["FinalActiveLearningModelArn"] : Value(" ")}});
  }
};

}  // namespace

std::unique_ptr<Component> ground_truth_component() { return std::make_unique<GroundTruth>(); }

}  // namespace millrace::components
