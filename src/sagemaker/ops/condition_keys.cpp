// The condition keys that SageMaker has for members of its requests: for each kind of resource the key and where the
// request that makes it has the value. Source: Service Authorization Reference, Amazon SageMaker AI.

#include <span>

#include "sagemaker/ops/ops.h"

namespace millrace::sagemaker {
namespace {

using Keys = decltype(aws::Check::keys);

// `path`: members joined by '.', "[]" after a list's name: of each of its items.
struct KeyAt {
  const char* key;
  std::string_view path;
};

constexpr KeyAt kProcessing[] = {
    {"sagemaker:InstanceTypes", "ProcessingResources.ClusterConfig.InstanceType"},
    {"sagemaker:VolumeKmsKey", "ProcessingResources.ClusterConfig.VolumeKmsKeyId"},
    {"sagemaker:OutputKmsKey", "ProcessingOutputConfig.KmsKeyId"},
    {"sagemaker:MaxRuntimeInSeconds", "StoppingCondition.MaxRuntimeInSeconds"},
    {"sagemaker:NetworkIsolation", "NetworkConfig.EnableNetworkIsolation"},
    {"sagemaker:InterContainerTrafficEncryption", "NetworkConfig.EnableInterContainerTrafficEncryption"},
    {"sagemaker:VpcSecurityGroupIds", "NetworkConfig.VpcConfig.SecurityGroupIds[]"},
    {"sagemaker:VpcSubnets", "NetworkConfig.VpcConfig.Subnets[]"}};
// Of a training job and, below TrainingJobDefinition, of a tuning job.
constexpr KeyAt kTraining[] = {
    {"sagemaker:InstanceTypes", "ResourceConfig.InstanceType"},
    {"sagemaker:InstanceTypes", "ResourceConfig.InstanceGroups[].InstanceType"},
    {"sagemaker:InstanceTypes", "HyperParameterTuningResourceConfig.InstanceType"},
    {"sagemaker:InstanceTypes", "HyperParameterTuningResourceConfig.InstanceConfigs[].InstanceType"},
    {"sagemaker:VolumeKmsKey", "ResourceConfig.VolumeKmsKeyId"},
    {"sagemaker:VolumeKmsKey", "HyperParameterTuningResourceConfig.VolumeKmsKeyId"},
    {"sagemaker:OutputKmsKey", "OutputDataConfig.KmsKeyId"},
    {"sagemaker:MaxRuntimeInSeconds", "StoppingCondition.MaxRuntimeInSeconds"},
    {"sagemaker:NetworkIsolation", "EnableNetworkIsolation"},
    {"sagemaker:InterContainerTrafficEncryption", "EnableInterContainerTrafficEncryption"},
    {"sagemaker:VpcSecurityGroupIds", "VpcConfig.SecurityGroupIds[]"},
    {"sagemaker:VpcSubnets", "VpcConfig.Subnets[]"},
    {"sagemaker:FileSystemId", "InputDataConfig[].DataSource.FileSystemDataSource.FileSystemId"},
    {"sagemaker:FileSystemType", "InputDataConfig[].DataSource.FileSystemDataSource.FileSystemType"},
    {"sagemaker:FileSystemAccessMode", "InputDataConfig[].DataSource.FileSystemDataSource.FileSystemAccessMode"},
    {"sagemaker:FileSystemDirectoryPath", "InputDataConfig[].DataSource.FileSystemDataSource.DirectoryPath"}};
constexpr KeyAt kTrainingAlone[] = {{"sagemaker:KeepAlivePeriod", "ResourceConfig.KeepAlivePeriodInSeconds"},
                                    {"sagemaker:EnableRemoteDebug", "RemoteDebugConfig.EnableRemoteDebug"}};
constexpr KeyAt kTransform[] = {{"sagemaker:InstanceTypes", "TransformResources.InstanceType"},
                                {"sagemaker:VolumeKmsKey", "TransformResources.VolumeKmsKeyId"},
                                {"sagemaker:OutputKmsKey", "TransformOutput.KmsKeyId"}};
constexpr KeyAt kModel[] = {{"sagemaker:NetworkIsolation", "EnableNetworkIsolation"},
                            {"sagemaker:VpcSecurityGroupIds", "VpcConfig.SecurityGroupIds[]"},
                            {"sagemaker:VpcSubnets", "VpcConfig.Subnets[]"}};
constexpr KeyAt kPackage[] = {{"sagemaker:ModelApprovalStatus", "ModelApprovalStatus"},
                              {"sagemaker:ModelLifeCycle:Stage", "ModelLifeCycle.Stage"},
                              {"sagemaker:ModelLifeCycle:StageStatus", "ModelLifeCycle.StageStatus"},
                              {"sagemaker:CustomerMetadataPropertiesToRemove", "CustomerMetadataPropertiesToRemove[]"}};
constexpr KeyAt kEndpointConfig[] = {
    {"sagemaker:InstanceTypes", "ProductionVariants[].InstanceType"},
    {"sagemaker:InstanceTypes", "ShadowProductionVariants[].InstanceType"},
    {"sagemaker:AcceleratorTypes", "ProductionVariants[].AcceleratorType"},
    {"sagemaker:AcceleratorTypes", "ShadowProductionVariants[].AcceleratorType"},
    {"sagemaker:ServerlessMaxConcurrency", "ProductionVariants[].ServerlessConfig.MaxConcurrency"},
    {"sagemaker:ServerlessMaxConcurrency", "ShadowProductionVariants[].ServerlessConfig.MaxConcurrency"},
    {"sagemaker:ServerlessMemorySize", "ProductionVariants[].ServerlessConfig.MemorySizeInMB"},
    {"sagemaker:ServerlessMemorySize", "ShadowProductionVariants[].ServerlessConfig.MemorySizeInMB"},
    {"sagemaker:VolumeKmsKey", "KmsKeyId"},
    {"sagemaker:NetworkIsolation", "EnableNetworkIsolation"},
    {"sagemaker:VpcSecurityGroupIds", "VpcConfig.SecurityGroupIds[]"},
    {"sagemaker:VpcSubnets", "VpcConfig.Subnets[]"}};

// Of a monitoring job definition, and below MonitoringScheduleConfig.MonitoringJobDefinition of a schedule.
constexpr KeyAt kMonitoring[] = {
    {"sagemaker:InstanceTypes", "JobResources.ClusterConfig.InstanceType"},
    {"sagemaker:InstanceTypes", "MonitoringResources.ClusterConfig.InstanceType"},
    {"sagemaker:VolumeKmsKey", "JobResources.ClusterConfig.VolumeKmsKeyId"},
    {"sagemaker:VolumeKmsKey", "MonitoringResources.ClusterConfig.VolumeKmsKeyId"},
    {"sagemaker:OutputKmsKey", "DataQualityJobOutputConfig.KmsKeyId"},
    {"sagemaker:OutputKmsKey", "ModelBiasJobOutputConfig.KmsKeyId"},
    {"sagemaker:OutputKmsKey", "ModelExplainabilityJobOutputConfig.KmsKeyId"},
    {"sagemaker:OutputKmsKey", "ModelQualityJobOutputConfig.KmsKeyId"},
    {"sagemaker:OutputKmsKey", "MonitoringOutputConfig.KmsKeyId"},
    {"sagemaker:MaxRuntimeInSeconds", "StoppingCondition.MaxRuntimeInSeconds"},
    {"sagemaker:NetworkIsolation", "NetworkConfig.EnableNetworkIsolation"},
    {"sagemaker:InterContainerTrafficEncryption", "NetworkConfig.EnableInterContainerTrafficEncryption"},
    {"sagemaker:VpcSecurityGroupIds", "NetworkConfig.VpcConfig.SecurityGroupIds[]"},
    {"sagemaker:VpcSubnets", "NetworkConfig.VpcConfig.Subnets[]"}};

std::string text_of(const Value& value) {
  if (value.is_bool()) return value.as_bool() ? "true" : "false";
  if (value.is_integer()) return std::to_string(value.as_int());
  return value.string_or();
}

void collect(const Value& value, std::string_view path, std::vector<std::string>& found) {
  if (path.empty()) {
    if (std::string text = text_of(value); !text.empty()) found.push_back(std::move(text));
    return;
  }
  std::string_view member = path.substr(0, path.find('.'));
  path.remove_prefix(std::min(path.size(), member.size() + 1));
  const bool each = member.ends_with("[]");
  if (each) member.remove_suffix(2);
  const Value& here = value.at(member);
  if (!each) return collect(here, path, found);
  for (const Value& item : here.items()) collect(item, path, found);
}

// Values of one key that stand in several places are one key with several values.
void add(Keys& keys, const char* key, std::vector<std::string> values) {
  if (values.empty()) return;
  for (auto& [name, held] : keys) {
    if (name != key) continue;
    held.insert(held.end(), values.begin(), values.end());
    return;
  }
  keys.push_back({key, std::move(values)});
}

void add_all(Keys& keys, const Value& input, std::span<const KeyAt> table) {
  for (const KeyAt& at : table) {
    std::vector<std::string> values;
    collect(input, at.path, values);
    add(keys, at.key, std::move(values));
  }
}

void add_models(Keys& keys, const Ops& ops, const Value& input, std::string_view path) {
  std::vector<std::string> models;
  collect(input, path, models);
  for (std::string& model : models) model = arn_of(ops.dependencies.account_region, Kind::model, model);
  add(keys, "sagemaker:ModelArn", std::move(models));
}

void add_keys_of(Keys& keys, const Ops& ops, Kind kind, const Value& input) {
  switch (kind) {
    case Kind::processing_job:
      return add_all(keys, input, kProcessing);
    case Kind::training_job:
      add_all(keys, input, kTraining);
      return add_all(keys, input, kTrainingAlone);
    case Kind::tuning_job:
      return add_all(keys, input["TrainingJobDefinition"], kTraining);
    case Kind::transform_job:
      add_models(keys, ops, input, "ModelName");
      return add_all(keys, input, kTransform);
    case Kind::model:
      return add_all(keys, input, kModel);
    case Kind::endpoint_config:
      add_models(keys, ops, input, "ProductionVariants[].ModelName");
      add_models(keys, ops, input, "ShadowProductionVariants[].ModelName");
      return add_all(keys, input, kEndpointConfig);
    case Kind::model_package:
      for (const auto& [key, value] : input["CustomerMetadataProperties"].members())
        keys.push_back({"sagemaker:CustomerMetadataProperties/" + key, {value.string_or()}});
      return add_all(keys, input, kPackage);
    case Kind::data_quality_job_definition:
    case Kind::model_bias_job_definition:
    case Kind::model_explainability_job_definition:
    case Kind::model_quality_job_definition:
      return add_all(keys, input, kMonitoring);
    case Kind::monitoring_schedule:
      return add_all(keys, input["MonitoringScheduleConfig"]["MonitoringJobDefinition"], kMonitoring);
    case Kind::endpoint:
    case Kind::model_package_group:
    case Kind::workteam:
      return;
  }
}

}  // namespace

Keys tag_keys(const Value& input) {
  Keys keys;
  std::vector<std::string> names;
  for (const Value& tag : input["Tags"].items()) {
    names.push_back(tag["Key"].string_or());
    keys.push_back({"aws:RequestTag/" + names.back(), {tag["Value"].string_or()}});
  }
  for (const Value& key : input["TagKeys"].items()) names.push_back(key.string_or());
  if (!names.empty()) keys.push_back({"aws:TagKeys", std::move(names)});
  return keys;
}

aws::ConditionKeys tagging_keys() {
  return [](const aws::Call&, const Value& input) { return tag_keys(input); };
}

aws::ConditionKeys creation_keys(Ops& ops, Kind kind) {
  return [&ops, kind](const aws::Call&, const Value& input) {
    Keys keys = tag_keys(input);
    add_keys_of(keys, ops, kind, input);
    return keys;
  };
}

}  // namespace millrace::sagemaker
