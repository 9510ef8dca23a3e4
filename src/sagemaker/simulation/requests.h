#pragma once
// Only for tests: the requests that the simulated clients send.

#include <string>
#include <string_view>

#include "base/json.h"
#include "base/strings.h"
#include "sagemaker/simulation/ground.h"

namespace millrace::sagemaker::simulation {

inline constexpr std::string_view kOwnImage = "registry/own:1";  // which the engine has
inline constexpr std::string_view kKMeansImage = "382416733822.dkr.ecr.us-east-1.amazonaws.com/kmeans:1";
inline constexpr int kTrials = 6, kParallelTrials = 3, kMaxRuntime = 60;

inline Value filled(std::string_view text, const std::string& name, std::string_view bucket = "data") {
  std::string json = replace_all(std::string(text), "NAME", name);
  json = replace_all(json, "BUCKET", std::string(bucket));
  json = replace_all(json, "ROLE", std::string(Ground::kRole));
  json = replace_all(json, "KMEANS", std::string(kKMeansImage));
  return must(parse_json(json));
}

inline Value training_request(const std::string& name, bool built_in, std::string_view bucket) {
  Value request = filled(R"json({"TrainingJobName": "NAME",
    "AlgorithmSpecification": {"TrainingImage": "registry/own:1", "TrainingInputMode": "File",
      "MetricDefinitions": [{"Name": "objective", "Regex": "objective=([0-9.]+)"}]},
    "InputDataConfig": [{"ChannelName": "train", "ContentType": "text/csv",
      "DataSource": {"S3DataSource": {"S3Uri": "s3://BUCKET/train", "S3DataType": "S3Prefix"}}}],
    "OutputDataConfig": {"S3OutputPath": "s3://data/output"},
    "ResourceConfig": {"InstanceType": "ml.m5.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 10},
    "StoppingCondition": {"MaxRuntimeInSeconds": 60}, "RoleArn": "ROLE"})json",
                         name, bucket);
  if (!built_in) return request;
  request.set("AlgorithmSpecification", filled(R"({"TrainingImage": "KMEANS", "TrainingInputMode": "File"})", name));
  request.set("HyperParameters", filled(R"({"k": "2", "feature_dim": "2"})", name));
  return request;
}

inline Value processing_request(const std::string& name, std::string_view bucket) {
  return filled(R"({"ProcessingJobName": "NAME",
    "ProcessingResources": {"ClusterConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.xlarge", "VolumeSizeInGB": 10}},
    "AppSpecification": {"ImageUri": "registry/own:1"},
    "ProcessingInputs": [{"InputName": "in", "S3Input": {"S3Uri": "s3://BUCKET/train", "LocalPath": "/opt/ml/processing/input",
      "S3DataType": "S3Prefix", "S3InputMode": "File"}}],
    "ProcessingOutputConfig": {"Outputs": [{"OutputName": "out", "S3Output": {"S3Uri": "s3://data/processed/NAME",
      "LocalPath": "/opt/ml/processing/output", "S3UploadMode": "EndOfJob"}}]},
    "StoppingCondition": {"MaxRuntimeInSeconds": 60}, "RoleArn": "ROLE"})",
                name, bucket);
}

inline Value transform_request(const std::string& name, std::string_view bucket) {
  return filled(R"({"TransformJobName": "NAME", "ModelName": "model",
    "TransformInput": {"DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://BUCKET/train"}},
                       "ContentType": "text/csv", "SplitType": "Line"},
    "TransformOutput": {"S3OutputPath": "s3://data/transformed/NAME"},
    "TransformResources": {"InstanceType": "ml.m5.xlarge", "InstanceCount": 1}})",
                name, bucket);
}

inline Value tuning_request(const std::string& name, std::uint32_t seed, std::string_view bucket) {
  Value request = filled(R"({"HyperParameterTuningJobName": "NAME",
    "HyperParameterTuningJobConfig": {"Strategy": "Random",
      "HyperParameterTuningJobObjective": {"Type": "Minimize", "MetricName": "objective"},
      "ResourceLimits": {"MaxNumberOfTrainingJobs": 6, "MaxParallelTrainingJobs": 3},
      "ParameterRanges": {"IntegerParameterRanges": [{"Name": "x", "MinValue": "1", "MaxValue": "1000"}]}}})",
                         name);
  request.child("HyperParameterTuningJobConfig").set("RandomSeed", static_cast<std::int64_t>(seed));
  Value definition = training_request("unused", false, bucket);
  definition.erase("TrainingJobName");
  request.set("TrainingJobDefinition", std::move(definition));
  return request;
}

inline Value model_request(const std::string& name) {
  return filled(R"({"ModelName": "NAME", "ExecutionRoleArn": "ROLE",
    "PrimaryContainer": {"Image": "KMEANS", "ModelDataUrl": "s3://data/model.tar.gz"}})",
                name);
}

inline Value config_request(const std::string& name) {
  return filled(R"({"EndpointConfigName": "NAME", "ProductionVariants": [
    {"VariantName": "a", "ModelName": "model", "InitialInstanceCount": 1, "InstanceType": "ml.m5.large"},
    {"VariantName": "b", "ModelName": "model", "InitialInstanceCount": 1, "InstanceType": "ml.m5.large"}]})",
                name);
}

}  // namespace millrace::sagemaker::simulation
