#include "sagemaker/jobs/monitoring_plan.h"

#include <algorithm>
#include <array>

#include <fmt/core.h>

#include "base/hash.h"
#include "base/strings.h"
#include "sagemaker/errors.h"
#include "sagemaker/jobs/object_paths.h"

namespace millrace::sagemaker {
namespace {

using std::chrono::hours;

constexpr int kHoursOfADay = 24;
constexpr std::string_view kEndpointData = "/opt/ml/processing/input/endpoint";
constexpr std::string_view kGroundTruth = "/opt/ml/processing/groundtruth";
constexpr std::string_view kConstraints = "/opt/ml/processing/baseline/constraints";
constexpr std::string_view kStatistics = "/opt/ml/processing/baseline/stats";
constexpr std::string_view kConfiguration = "/opt/ml/processing/input/config";
constexpr std::string_view kBefore = "/opt/ml/processing/code/preprocessing";
constexpr std::string_view kAfter = "/opt/ml/processing/code/postprocessing";
constexpr std::size_t kSuffix = 24;  // digits that make a job's name unique

std::optional<int> number_in(std::string_view text, int least, int most) {
  const auto number = parse_int(text);
  if (!number || *number < least || *number > most) return std::nullopt;
  return static_cast<int>(*number);
}

std::optional<MonitoringTimes> hours_of(std::string_view field) {
  if (field == "*") return MonitoringTimes{false, 0, 1};
  const auto slash = field.find('/');
  const auto first = number_in(field.substr(0, slash), 0, kHoursOfADay - 1);
  if (!first) return std::nullopt;
  if (slash == std::string_view::npos) return MonitoringTimes{false, *first, kHoursOfADay};
  const auto step = number_in(field.substr(slash + 1), 1, kHoursOfADay);
  return step ? std::optional(MonitoringTimes{false, *first, *step}) : std::nullopt;
}

bool is_any(std::string_view field) { return field == "*" || field == "?"; }

tl::unexpected<Error> no_expression(std::string_view expression) {
  return validation_error(
      fmt::format("The ScheduleExpression \"{}\" is not valid; give NOW, cron(0 * ? * * *), cron(0 [00-23] ? * * *) or "
                  "cron(0 [00-23]/[01-24] ? * * *).",
                  expression));
}

Time full_hour(Time time) { return std::chrono::floor<hours>(time); }

std::string date_path(Time hour) {
  const std::string text = format_rfc3339(hour);
  return fmt::format("{}/{}/{}/{}", text.substr(0, 4), text.substr(5, 2), text.substr(8, 2), text.substr(11, 2));
}

std::string type_of(Kind kind) {
  const std::string_view name = info_of(kind).name;
  return std::string(name.substr(0, name.size() - std::string_view("JobDefinition").size()));
}

std::string file_in(std::string_view folder, const Value& uri) {
  const std::string text = uri.string_or();
  return fmt::format("{}/{}", folder, std::string_view(text).substr(text.rfind('/') + 1));
}

class Request {
 public:
  Request(const MonitoringExecution& execution, const Value& definition)
      : execution_(execution), definition_(definition) {}

  Value make() {
    const std::string digits =
        sha256_hex(fmt::format("{} {}", execution_.schedule_arn, to_epoch_ms(execution_.scheduled)));
    const std::string when = format_amz_date(execution_.scheduled);
    out_.set("ProcessingJobName",
             fmt::format("model-monitoring-{}{}-{}", when.substr(0, 8), when.substr(9, 4), digits.substr(0, kSuffix)));
    add_environment();
    add_data();
    add_file("constraints", definition_["Baseline"]["ConstraintsResource"]["S3Uri"], kConstraints,
             "baseline_constraints");
    add_file("baseline", definition_["Baseline"]["StatisticsResource"]["S3Uri"], kStatistics, "baseline_statistics");
    add_file("pre_processor_script", definition_["App"]["RecordPreprocessorSourceUri"], kBefore,
             "record_preprocessor_script");
    add_file("post_processor_script", definition_["App"]["PostAnalyticsProcessorSourceUri"], kAfter,
             "post_analytics_processor_script");
    add_file("analysis_config", definition_["App"]["ConfigUri"], kConfiguration, "analysis_config");
    out_.set("ProcessingInputs", std::move(inputs_)).set("Environment", std::move(environment_));
    add_output();
    Value app = Value::object();
    for (const auto* member : {"ImageUri", "ContainerEntrypoint", "ContainerArguments"}) {
      if (definition_["App"].has(member)) app.set(member, definition_["App"][member]);
    }
    out_.set("AppSpecification", std::move(app)).set("RoleArn", definition_["RoleArn"]);
    out_.set("ProcessingResources", Value::object({{"ClusterConfig", definition_["Cluster"]}}));
    if (!definition_["Stopping"].is_null()) out_.set("StoppingCondition", definition_["Stopping"]);
    if (!definition_["Network"].is_null()) out_.set("NetworkConfig", definition_["Network"]);
    return std::move(out_);
  }

 private:
  void set(std::string_view name, const Value& text) {
    if (!text.string_or().empty()) environment_.set(name, text);
  }

  void add_environment() {
    const Value& input = definition_["Input"];
    environment_ = definition_["Environment"].is_object() ? definition_["Environment"] : Value::object();
    set("dataset_format", R"({"sagemakerCaptureJson":{"captureIndexNames":["endpointInput","endpointOutput"]}})");
    set("dataset_source", kEndpointData);
    set("sagemaker_endpoint_name", input["EndpointName"]);
    set("sagemaker_monitoring_schedule_name", execution_.schedule);
    set("start_time", format_rfc3339(execution_.hours.front()));
    set("end_time", format_rfc3339(execution_.hours.back() + hours(1)));
    set("monitoring_type", definition_["Type"]);
    set("problem_type", definition_["App"]["ProblemType"]);
    set("inference_attribute", input["InferenceAttribute"]);
    set("probability_attribute", input["ProbabilityAttribute"]);
    set("features_attribute", input["FeaturesAttribute"]);
    if (input.has("ProbabilityThresholdAttribute")) {
      environment_.set("probability_threshold_attribute",
                       fmt::format("{}", input["ProbabilityThresholdAttribute"].as_double()));
    }
    environment_.set("publish_cloudwatch_metrics", "Disabled");
  }

  void add_input(std::string name, std::string uri, std::string path) {
    Value s3 = Value::object({{"S3Uri", std::move(uri)}, {"LocalPath", std::move(path)}, {"S3DataType", "S3Prefix"}});
    inputs_.push(
        Value::object({{"InputName", std::move(name)}, {"S3Input", std::move(s3.set("S3InputMode", "File"))}}));
  }

  void add_data() {
    std::size_t number = 0;
    for (const std::string& uri : execution_.captured) {
      const std::string below = trim_front(std::string_view(uri).substr(execution_.destination.size()));
      add_input(fmt::format("endpoint_input_{}", ++number), uri + "/", fmt::format("{}/{}", kEndpointData, below));
    }
    if (const std::string labels = definition_["GroundTruth"].string_or(); !labels.empty()) {
      add_input("ground_truth_input_1", labels, std::string(kGroundTruth));
      set("ground_truth_source", kGroundTruth);
    }
  }
  static std::string trim_front(std::string_view path) {
    while (path.starts_with('/')) path.remove_prefix(1);
    return std::string(path);
  }

  void add_file(std::string_view input, const Value& uri, std::string_view folder, std::string_view variable) {
    if (uri.string_or().empty()) return;
    add_input(std::string(input), uri.string_or(), std::string(folder));
    environment_.set(variable, file_in(folder, uri));
  }

  void add_output() {
    const Value& output = definition_["Outputs"]["MonitoringOutputs"].items().front()["S3Output"];
    const std::string endpoint = definition_["Input"]["EndpointName"].string_or();
    const std::string below =
        fmt::format("{}/{}/{}", endpoint, execution_.schedule, date_path(full_hour(execution_.scheduled)));
    Value s3 = Value::object({{"S3Uri", join_uri(output["S3Uri"].string_or(), below)},
                              {"LocalPath", output["LocalPath"]},
                              {"S3UploadMode", "EndOfJob"}});
    Value outputs = Value::array({Value::object({{"OutputName", "monitoring_output"}, {"S3Output", std::move(s3)}})});
    Value config = Value::object({{"Outputs", std::move(outputs)}});
    if (definition_["Outputs"].has("KmsKeyId")) config.set("KmsKeyId", definition_["Outputs"]["KmsKeyId"]);
    out_.set("ProcessingOutputConfig", std::move(config));
    out_.child("Environment").set("output_path", output["LocalPath"]);
  }

  const MonitoringExecution& execution_;
  const Value& definition_;
  Value out_ = Value::object(), inputs_ = Value::array(), environment_;
};

}  // namespace

Result<MonitoringTimes> parse_schedule_expression(std::string_view expression) {
  if (expression == "NOW") return MonitoringTimes{true, 0, 1};
  if (!expression.starts_with("cron(") || !expression.ends_with(')')) return no_expression(expression);
  const auto fields = split(expression.substr(5, expression.size() - 6), ' ');
  if (fields.size() != 6 || fields[0] != "0") return no_expression(expression);
  if (!std::all_of(fields.begin() + 2, fields.end(), is_any)) return no_expression(expression);
  const auto times = hours_of(fields[1]);
  if (!times) return no_expression(expression);
  return *times;
}

Time next_execution(const MonitoringTimes& times, Time after) {
  const auto is_due = [&](Time hour) {
    const auto of_day = static_cast<int>((hour - std::chrono::floor<std::chrono::days>(hour)) / hours(1));
    return of_day >= times.first && (of_day - times.first) % times.step == 0;
  };
  Time hour = full_hour(after) + hours(1);
  for (int i = 0; i < kHoursOfADay && !is_due(hour); ++i) hour += hours(1);
  return hour;
}

Result<Millis> parse_offset(std::string_view text) {
  std::string_view rest = text;
  const bool before = rest.starts_with('-');
  if (before) rest.remove_prefix(1);
  const auto refused = [&] {
    return validation_error(fmt::format("\"{}\" is not an ISO 8601 duration like -PT1H.", text));
  };
  if (!rest.starts_with('P') || rest.size() < 2) return refused();
  rest.remove_prefix(1);
  Millis sum{0};
  bool of_day = false;
  while (!rest.empty()) {
    if (rest.front() == 'T' && !of_day) {
      of_day = true;
      rest.remove_prefix(1);
      continue;
    }
    const auto end = rest.find_first_not_of("0123456789");
    const auto number = end == std::string_view::npos ? std::nullopt : number_in(rest.substr(0, end), 0, 100'000);
    if (!number) return refused();
    const char unit = rest[end];
    if (!of_day && unit == 'D') {
      sum += std::chrono::days(*number);
    } else if (of_day && unit == 'H') {
      sum += hours(*number);
    } else if (of_day && unit == 'M') {
      sum += std::chrono::minutes(*number);
    } else {
      return refused();
    }
    rest.remove_prefix(end + 1);
  }
  return before ? -sum : sum;
}

Result<std::vector<Time>> monitored_hours(const Value& schedule_config, const Value& input, Time scheduled) {
  const auto times = MR_TRY(parse_schedule_expression(schedule_config["ScheduleExpression"].string_or()));
  const auto bound = [&](std::string_view of_schedule, std::string_view of_input, Millis otherwise) -> Result<Time> {
    std::string text = schedule_config[of_schedule].string_or();
    if (text.empty()) text = input[of_input].string_or();
    return full_hour(scheduled + (text.empty() ? otherwise : MR_TRY(parse_offset(text))));
  };
  const Time from = MR_TRY(bound("DataAnalysisStartTime", "StartTimeOffset", -hours(times.step)));
  const Time to = MR_TRY(bound("DataAnalysisEndTime", "EndTimeOffset", Millis(0)));
  std::vector<Time> found;
  for (Time hour = from; hour < to; hour += hours(1)) {
    if (found.size() == kMaxMonitoredHours) {
      return validation_error(fmt::format("An execution looks at no more than {} hours here.", kMaxMonitoredHours));
    }
    found.push_back(hour);
  }
  if (found.empty()) return validation_error("The data analysis must end an hour or more after its start.");
  return found;
}

std::optional<Kind> definition_kind(std::string_view monitoring_type) {
  const KindInfo* info = find_kind(std::string(monitoring_type) + "JobDefinition");
  return info == nullptr ? std::nullopt : std::optional(info->kind);
}

Value monitoring_definition(Kind kind, const Value& definition) {
  const std::string type = type_of(kind);
  const Value& input = definition[type + "JobInput"];
  Value out = Value::object({{"Type", type},
                             {"App", definition[type + "AppSpecification"]},
                             {"Input", input["EndpointInput"]},
                             {"GroundTruth", input["GroundTruthS3Input"]["S3Uri"]},
                             {"Outputs", definition[type + "JobOutputConfig"]},
                             {"Baseline", definition[type + "BaselineConfig"]},
                             {"Cluster", definition["JobResources"]["ClusterConfig"]},
                             {"Stopping", definition["StoppingCondition"]},
                             {"Network", definition["NetworkConfig"]},
                             {"RoleArn", definition["RoleArn"]}});
  out.set("Environment", out["App"]["Environment"]);
  return out;
}

Value inline_definition(const Value& definition) {
  const Value& inputs = definition["MonitoringInputs"];
  return Value::object({{"Type", "DataQuality"},
                        {"App", definition["MonitoringAppSpecification"]},
                        {"Input", inputs.empty() ? Value() : inputs.items().front()["EndpointInput"]},
                        {"Outputs", definition["MonitoringOutputConfig"]},
                        {"Baseline", definition["BaselineConfig"]},
                        {"Cluster", definition["MonitoringResources"]["ClusterConfig"]},
                        {"Stopping", definition["StoppingCondition"]},
                        {"Network", definition["NetworkConfig"]},
                        {"RoleArn", definition["RoleArn"]},
                        {"Environment", definition["Environment"]}});
}

std::string captured_in(const std::string& destination, std::string_view endpoint, std::string_view variant,
                        Time hour) {
  return join_uri(destination, fmt::format("{}/{}/{}", endpoint, variant, date_path(hour)));
}

Value monitoring_job(const MonitoringExecution& execution, const Value& definition) {
  return Request(execution, definition).make();
}

Value execution_of_job(const Resource& job) {
  std::string status = job.status;
  if (status == "Completed" && job.body["ExitMessage"].string_or().starts_with("CompletedWithViolations")) {
    status = "CompletedWithViolations";
  }
  Value out = Value::object({{"MonitoringExecutionStatus", status},
                             {"LastModifiedTime", seconds(job.modified)},
                             {"ProcessingJobArn", job.arn}});
  if (job.body.has("FailureReason")) out.set("FailureReason", job.body["FailureReason"]);
  return out;
}

}  // namespace millrace::sagemaker
