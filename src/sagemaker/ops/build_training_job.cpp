#include <set>

#include <fmt/core.h>

#include "sagemaker/algorithms/registry.h"
#include "sagemaker/errors.h"
#include "sagemaker/jobs/machine.h"
#include "sagemaker/jobs/metrics.h"
#include "sagemaker/jobs/object_paths.h"
#include "sagemaker/ops/requests.h"

namespace millrace::sagemaker {
namespace {

constexpr std::int64_t kDefaultMaxRuntime = 86'400;

Status check_channels(const Value& request, std::string_view default_mode) {
  std::set<std::string> names;
  for (const auto& channel : request["InputDataConfig"].items()) {
    const std::string name = channel["ChannelName"].string_or();
    if (!names.insert(name).second) {
      return validation_error(fmt::format("Channel names must be unique: {} is given twice.", name));
    }
    const std::string mode = channel["InputMode"].string_or(default_mode);
    if (mode != "File") {
      return validation_error(fmt::format("InputMode {} of channel {} is not supported here; use File.", mode, name));
    }
    MR_TRY(refuse_unsupported(
        channel, {{"DataSource.FileSystemDataSource", "FileSystemDataSource is not supported; use S3DataSource."},
                  {"DataSource.DatasetSource", "DatasetSource is not supported; use S3DataSource."},
                  {"ShuffleConfig", "ShuffleConfig is not supported in File mode."}}));
    if (channel["CompressionType"].string_or("None") != "None") {
      return validation_error("CompressionType can be set to Gzip only with the Pipe input mode.");
    }
    if (channel["RecordWrapperType"].string_or("None") != "None") {
      return validation_error("RecordWrapperType RecordIO is not supported here; give the data as RecordIO.");
    }
    const Value& source = channel["DataSource"]["S3DataSource"];
    if (!source.is_object()) return validation_error(fmt::format("Channel {} has no S3DataSource.", name));
    const std::string type = source["S3DataType"].string_or();
    if (type != "S3Prefix" && type != "ManifestFile") {
      return validation_error(fmt::format("S3DataType {} is not supported; use S3Prefix or ManifestFile.", type));
    }
    MR_TRY(check_s3_uri("S3Uri", source["S3Uri"]));
  }
  return {};
}

Status check_algorithm(const Value& request, const built_in::Algorithm* algorithm) {
  const Value& specification = request["AlgorithmSpecification"];
  MR_TRY(refuse_unsupported(
      specification, {{"AlgorithmName", "Algorithms from AWS Marketplace are not supported; give TrainingImage."}}));
  if (specification["TrainingImage"].string_or().empty()) {
    return validation_error("Either TrainingImage or AlgorithmName must be provided in AlgorithmSpecification.");
  }
  if (algorithm == nullptr) return {};
  if (!specification["MetricDefinitions"].empty()) {
    return validation_error(
        "You can't override the metric definitions for Amazon SageMaker algorithms. Please retry the request without "
        "specifying metric definitions.");
  }
  if (!specification["ContainerEntrypoint"].empty()) {
    return validation_error("ContainerEntrypoint cannot be given for a built-in algorithm.");
  }
  const Value& given = request["HyperParameters"];
  const auto settings = built_in::read_hyperparameters(*algorithm, given.is_null() ? Value::object() : given);
  if (!settings) return validation_error(settings.error().message);
  return {};
}

Status check_stopping(const Value& request) {
  if (!request["EnableManagedSpotTraining"].bool_or(false)) return {};
  const Value& condition = request["StoppingCondition"];
  const auto runtime = condition["MaxRuntimeInSeconds"].int_or(kDefaultMaxRuntime);
  if (condition["MaxWaitTimeInSeconds"].int_or(0) < runtime) {
    return validation_error(
        "Invalid MaxWaitTimeInSeconds. It must be present and be greater than or equal to MaxRuntimeInSeconds");
  }
  return {};
}

}  // namespace

Result<Resource> build_training_job(const AccountRegion& account_region, const Value& request, Time now) {
  const Value& specification = request["AlgorithmSpecification"];
  const built_in::Algorithm* algorithm = built_in::algorithm_of_image(specification["TrainingImage"].string_or());
  MR_TRY(refuse_unsupported(request, {{"DebugRuleConfigurations", "Debugger rules are not supported."},
                                      {"ProfilerRuleConfigurations", "Profiler rules are not supported."},
                                      {"TensorBoardOutputConfig", "TensorBoardOutputConfig is not supported."},
                                      {"ServerlessJobConfig", "Serverless training jobs are not supported."},
                                      {"ResourceConfig.InstanceGroups",
                                       "Instance groups are not supported; give InstanceType and InstanceCount."},
                                      {"ResourceConfig.TrainingPlanArn", "Training plans are not supported."},
                                      {"ResourceConfig.KeepAlivePeriodInSeconds",
                                       "Warm pools are not supported; leave KeepAlivePeriodInSeconds out."}}));
  MR_TRY(check_algorithm(request, algorithm));
  MR_TRY(check_channels(request, specification["TrainingInputMode"].string_or("File")));
  MR_TRY(check_stopping(request));
  MR_TRY(check_s3_uri("S3OutputPath", request["OutputDataConfig"]["S3OutputPath"]));
  const Value& resources = request["ResourceConfig"];
  MR_TRY(check_instances(resources["InstanceType"], resources["InstanceCount"], "training job",
                         algorithm == nullptr ? kMaxHosts : 1));
  MR_TRY(check_isolation(resources["InstanceCount"], request["EnableNetworkIsolation"]));
  if (const std::string path = request["CheckpointConfig"]["LocalPath"].string_or(); !path.empty()) {
    MR_TRY(below_opt_ml(path));
  }

  Resource job;
  job.kind = Kind::training_job;
  job.name = request["TrainingJobName"].string_or();
  job.arn = arn_of(account_region, job.kind, job.name);
  job.status = "InProgress";
  job.created = job.modified = now;
  job.active = true;
  Value& body = job.body;
  body.set("TrainingJobName", job.name).set("TrainingJobArn", job.arn).set("TrainingJobStatus", job.status);
  set_secondary_status(body, "Starting", now);
  for (const std::string_view member :
       {"HyperParameters", "AlgorithmSpecification", "RoleArn", "InputDataConfig", "OutputDataConfig", "ResourceConfig",
        "VpcConfig", "CheckpointConfig", "DebugHookConfig", "ExperimentConfig", "ProfilerConfig", "Environment",
        "RetryStrategy", "RemoteDebugConfig", "InfraCheckConfig"}) {
    if (request.has(member) && !request[member].is_null()) body.set(member, request[member]);
  }
  Value& stored = body.child("AlgorithmSpecification");
  if (algorithm != nullptr) stored.set("MetricDefinitions", metric_definitions(algorithm->info()));
  stored.set("EnableSageMakerMetricsTimeSeries",
             specification["EnableSageMakerMetricsTimeSeries"].bool_or(algorithm != nullptr));
  Value& output = body.child("OutputDataConfig");
  if (!output.has("KmsKeyId")) output.set("KmsKeyId", "");
  if (!output.has("CompressionType")) output.set("CompressionType", "GZIP");
  Value stopping = request["StoppingCondition"].is_object() ? request["StoppingCondition"] : Value::object();
  if (!stopping.has("MaxRuntimeInSeconds")) stopping.set("MaxRuntimeInSeconds", kDefaultMaxRuntime);
  body.set("StoppingCondition", std::move(stopping));
  for (const std::string_view flag :
       {"EnableNetworkIsolation", "EnableInterContainerTrafficEncryption", "EnableManagedSpotTraining"}) {
    body.set(flag, request[flag].bool_or(false));
  }
  body.set("CreationTime", seconds(now)).set("LastModifiedTime", seconds(now)).set("ProfilingStatus", "Disabled");
  job.state.set("log_stream", fmt::format("{}/algo-1-{}", job.name, to_epoch_ms(now) / 1000));
  return job;
}

}  // namespace millrace::sagemaker
