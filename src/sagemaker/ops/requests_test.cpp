#include "sagemaker/ops/requests.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/json.h"

namespace millrace::sagemaker {
namespace {

using testing::HasSubstr;

const AccountRegion kAccountRegion{"123456789012", "us-east-1"};
const Time kNow = from_epoch_ms(1'700'000'000'123);

// A training job on MNIST, as the lab makes it; a test changes one thing.
Value training_request() {
  return *parse_json(R"({
    "TrainingJobName": "Train-1",
    "AlgorithmSpecification": {"TrainingImage": "382416733822.dkr.ecr.us-east-1.amazonaws.com/kmeans:1", "TrainingInputMode": "File"},
    "HyperParameters": {"k": "10", "feature_dim": "784"},
    "InputDataConfig": [{"ChannelName": "train", "DataSource": {"S3DataSource": {"S3Uri": "s3://b/train", "S3DataType": "S3Prefix"}},
                         "CompressionType": "None", "RecordWrapperType": "None", "InputMode": "File"}],
    "OutputDataConfig": {"S3OutputPath": "s3://b/output"},
    "ResourceConfig": {"InstanceType": "ml.m5.2xlarge", "InstanceCount": 1, "VolumeSizeInGB": 30},
    "RoleArn": "arn:aws:iam::123456789012:role/r",
    "StoppingCondition": {"MaxRuntimeInSeconds": 3600}})");
}

Value tuning_request() {
  Value request = *parse_json(R"({
    "HyperParameterTuningJobName": "tune",
    "HyperParameterTuningJobConfig": {"Strategy": "Bayesian",
      "HyperParameterTuningJobObjective": {"Type": "Minimize", "MetricName": "test:msd"},
      "ResourceLimits": {"MaxNumberOfTrainingJobs": 3, "MaxParallelTrainingJobs": 2},
      "ParameterRanges": {"IntegerParameterRanges": [{"Name": "mini_batch_size", "MinValue": "500", "MaxValue": "600"}]}}})");
  Value definition = training_request();
  definition.erase("TrainingJobName");
  definition.set("StaticHyperParameters", definition["HyperParameters"]);
  definition.erase("HyperParameters");
  return request.set("TrainingJobDefinition", definition);
}

// The value at "A.B[0].C" is set.
Value& at(Value& value, std::string_view path) {
  Value* here = &value;
  while (!path.empty()) {
    const auto dot = path.find('.');
    std::string_view part = path.substr(0, dot);
    path = dot == std::string_view::npos ? std::string_view() : path.substr(dot + 1);
    const bool first = part.ends_with("[0]");
    if (first) part.remove_suffix(3);
    here = &here->child(part);
    if (first) here = &here->as_array()[0];
  }
  return *here;
}

TEST(BuildTrainingJob, StoresWhatDescribeShows) {
  const auto job = build_training_job(kAccountRegion, training_request(), kNow);
  ASSERT_TRUE(job) << job.error().message;
  EXPECT_EQ(job->arn, "arn:aws:sagemaker:us-east-1:123456789012:training-job/train-1");
  EXPECT_TRUE(job->active);
  EXPECT_EQ(job->body["TrainingJobStatus"].as_string(), "InProgress");
  EXPECT_EQ(job->body["SecondaryStatus"].as_string(), "Starting");
  EXPECT_EQ(job->body["CreationTime"].as_double(), 1'700'000'000.123);
  EXPECT_EQ(job->body["EnableNetworkIsolation"].as_bool(), false);
  EXPECT_EQ(job->body["OutputDataConfig"]["CompressionType"].as_string(), "GZIP");
  EXPECT_FALSE(job->body["AlgorithmSpecification"]["MetricDefinitions"].empty());
  EXPECT_EQ(job->state["log_stream"].as_string(), "Train-1/algo-1-1700000000");
  EXPECT_FALSE(job->body.has("Tags"));
}

TEST(BuildTrainingJob, RefusesWhatItCannotDo) {
  struct Case {
    std::string_view path;
    Value value;
    std::string_view code, says;
  };
  const std::vector<Case> cases{
      {"InputDataConfig[0].InputMode", "Pipe", "ValidationException", "use File"},
      {"AlgorithmSpecification.TrainingInputMode", "FastFile", "", ""},  // the channel's own mode counts
      {"InputDataConfig[0].CompressionType", "Gzip", "ValidationException", "Pipe"},
      {"InputDataConfig[0].DataSource.S3DataSource.S3DataType", "AugmentedManifestFile", "ValidationException",
       "S3Prefix"},
      {"InputDataConfig[0].DataSource.S3DataSource.S3Uri", "https://b/x", "ValidationException", "S3 URI"},
      {"OutputDataConfig.S3OutputPath", "b/x", "ValidationException", "S3OutputPath"},
      {"ResourceConfig.InstanceCount", 2, "ResourceLimitExceeded",
       "'ml.m5.2xlarge for training job usage' is 1 Instances"},
      {"EnableManagedSpotTraining", true, "ValidationException", "MaxWaitTimeInSeconds"},
      {"CheckpointConfig.LocalPath", "/data", "ValidationException", "/opt/ml"},
      {"AlgorithmSpecification.MetricDefinitions", Value::array({Value::object({{"Name", "x"}, {"Regex", "(x)"}})}),
       "ValidationException", "can't override the metric definitions"},
      {"DebugRuleConfigurations", Value::array({Value::object({{"a", 1}})}), "ValidationException", "Debugger rules"},
      {"DebugRuleConfigurations", Value::array(), "", ""},  // an empty list asks for nothing
      {"AlgorithmSpecification.AlgorithmName", "arn:x", "ValidationException", "Marketplace"},
  };
  for (const auto& c : cases) {
    Value request = training_request();
    at(request, c.path) = c.value;
    const auto job = build_training_job(kAccountRegion, request, kNow);
    if (c.code.empty()) {
      EXPECT_TRUE(job) << c.path << ": " << job.error().message;
      continue;
    }
    ASSERT_FALSE(job) << c.path;
    EXPECT_EQ(job.error().reason, c.code) << c.path;
    EXPECT_THAT(job.error().message, HasSubstr(c.says)) << c.path;
  }
}

TEST(BuildTuningJob, GivesEachTrialItsParameters) {
  const auto job = build_tuning_job(kAccountRegion, tuning_request(), 42, kNow);
  ASSERT_TRUE(job) << job.error().message;
  const Value& fixed = job->body["TrainingJobDefinition"]["StaticHyperParameters"];
  EXPECT_EQ(fixed["_tuning_objective_metric"].as_string(), "test:msd");
  EXPECT_EQ(job->body["TrainingJobStatusCounters"]["InProgress"].as_int(), 0);
  const auto trial = build_trial(kAccountRegion, *job, 2, Value::object({{"mini_batch_size", "512"}}), kNow);
  ASSERT_TRUE(trial) << trial.error().message;
  EXPECT_TRUE(trial->name.starts_with("tune-002-"));
  EXPECT_EQ(trial->parent, "tune");
  EXPECT_EQ(trial->body["TuningJobArn"].as_string(), job->arn);
  EXPECT_EQ(trial->body["HyperParameters"]["mini_batch_size"].as_string(), "512");
  EXPECT_EQ(trial->body["HyperParameters"]["k"].as_string(), "10");
}

// The SDK's tuner always sends the resources of the training jobs so.
TEST(BuildTuningJob, TakesTheResourcesInEitherMember) {
  const Value choice = *parse_json(R"({"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 5})");
  Value several = Value::object({{"InstanceConfigs", Value::array({choice})}, {"AllocationStrategy", "Prioritized"}});
  for (const Value& given : {choice, several}) {
    Value request = tuning_request();
    request.child("TrainingJobDefinition").erase("ResourceConfig");
    request.child("TrainingJobDefinition").set("HyperParameterTuningResourceConfig", given);
    const auto job = build_tuning_job(kAccountRegion, request, 1, kNow);
    ASSERT_TRUE(job) << job.error().message;
    const auto trial = build_trial(kAccountRegion, *job, 1, Value::object(), kNow);
    ASSERT_TRUE(trial) << trial.error().message;
    EXPECT_EQ(trial->body["ResourceConfig"], choice);
    EXPECT_EQ(job->body["TrainingJobDefinition"]["HyperParameterTuningResourceConfig"], given);
  }
  Value both = tuning_request();
  both.child("TrainingJobDefinition").set("HyperParameterTuningResourceConfig", choice);
  EXPECT_THAT(build_tuning_job(kAccountRegion, both, 1, kNow).error().message, HasSubstr("cannot both be given"));
  Value neither = tuning_request();
  neither.child("TrainingJobDefinition").erase("ResourceConfig");
  EXPECT_THAT(build_tuning_job(kAccountRegion, neither, 1, kNow).error().message, HasSubstr("must be given"));
}

TEST(BuildTuningJob, ItsTrainingJobsHaveTheObjectiveAsAMetric) {
  const auto job = build_tuning_job(kAccountRegion, tuning_request(), 1, kNow);
  const auto trial = build_trial(kAccountRegion, *job, 1, Value::object(), kNow);
  const auto definitions = trial->body["AlgorithmSpecification"]["MetricDefinitions"].items();
  ASSERT_FALSE(definitions.empty());
  EXPECT_EQ(definitions.back()["Name"].as_string(), "ObjectiveMetric");
  for (const auto& definition : definitions) {
    if (definition["Name"].as_string() == "test:msd") EXPECT_EQ(definitions.back()["Regex"], definition["Regex"]);
  }
}

TEST(BuildTuningJob, RefusesWhatItCannotDo) {
  struct Case {
    std::string_view path;
    Value value;
    std::string_view says;
  };
  const std::string_view config = "HyperParameterTuningJobConfig.";
  const std::vector<Case> cases{
      {"HyperParameterTuningJobConfig.StrategyConfig.HyperbandStrategyConfig.MinResource", 1,
       "only with the Hyperband"},
      {"HyperParameterTuningJobConfig.ParameterRanges.AutoParameters",
       Value::array({Value::object({{"Name", "x"}, {"ValueHint", "1"}})}), "only with Autotune"},
      {"HyperParameterTuningJobConfig.HyperParameterTuningJobObjective.MetricName", "accuracy",
       "[accuracy], isn't valid for the [382416733822.dkr.ecr.us-east-1.amazonaws.com/kmeans:1] algorithm"},
      {"HyperParameterTuningJobConfig.ResourceLimits.MaxParallelTrainingJobs", 4, "must not be greater"},
      {"HyperParameterTuningJobConfig.ParameterRanges.IntegerParameterRanges[0].MinValue", "700", "is not valid"},
      {"HyperParameterTuningJobConfig.ParameterRanges.IntegerParameterRanges[0].Name", "k", "StaticHyperParameters"},
      {"TrainingJobDefinition.InputDataConfig[0].InputMode", "Pipe", "use File"},
      {"TrainingJobDefinition.StaticHyperParameters.k", "0", "The value '0' is not valid for the 'k' hyperparameter"},
      {"HyperParameterTuningJobConfig.ParameterRanges.IntegerParameterRanges[0].Name", "zzz",
       "Additional hyperparameters are not allowed ('zzz' was unexpected)"},
      {"HyperParameterTuningJobConfig.ParameterRanges.IntegerParameterRanges[0].Name", "feature_dim",
       "cannot be tuned"},
      {"HyperParameterTuningJobConfig.ParameterRanges.IntegerParameterRanges[0].MinValue", "0", "is not valid"},
      {"HyperParameterTuningJobConfig.HyperParameterTuningJobObjective.Type", "Maximize",
       "valid objective metric type"},
  };
  for (const auto& c : cases) {
    Value request = tuning_request();
    at(request, c.path) = c.value;
    const auto job = build_tuning_job(kAccountRegion, request, 1, kNow);
    ASSERT_FALSE(job) << c.path;
    EXPECT_EQ(job.error().reason, "ValidationException") << c.path;
    EXPECT_THAT(job.error().message, HasSubstr(c.says)) << c.path;
  }
  (void)config;
}

TEST(BuildProcessingJob, ChecksItsPaths) {
  const Value request = *parse_json(R"({
    "ProcessingJobName": "prep",
    "ProcessingResources": {"ClusterConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.xlarge", "VolumeSizeInGB": 10}},
    "AppSpecification": {"ImageUri": "x/sagemaker-scikit-learn:1", "ContainerEntrypoint": ["python3", "/opt/ml/processing/code/s.py"]},
    "ProcessingInputs": [{"InputName": "code", "S3Input": {"S3Uri": "s3://b/s.py", "LocalPath": "/opt/ml/processing/code", "S3DataType": "S3Prefix", "S3InputMode": "File"}}],
    "ProcessingOutputConfig": {"Outputs": [{"OutputName": "o", "S3Output": {"S3Uri": "s3://b/o", "LocalPath": "/opt/ml/processing/o", "S3UploadMode": "EndOfJob"}}]},
    "RoleArn": "arn:aws:iam::123456789012:role/r"})");
  const auto job = build_processing_job(kAccountRegion, request, kNow);
  ASSERT_TRUE(job) << job.error().message;
  EXPECT_EQ(job->body["StoppingCondition"]["MaxRuntimeInSeconds"].as_int(), 86'400);
  struct Case {
    std::string_view path;
    Value value;
    std::string_view says;
  };
  for (const auto& c : std::vector<Case>{
           {"ProcessingInputs[0].S3Input.LocalPath", "/etc", "must lie below /opt/ml"},
           {"ProcessingOutputConfig.Outputs[0].S3Output.LocalPath", "/opt/ml/../x", "must lie below /opt/ml"},
           {"ProcessingOutputConfig.Outputs[0].S3Output.S3UploadMode", "Continuous", "use EndOfJob"},
           {"ProcessingInputs[0].S3Input.S3InputMode", "Pipe", "use File"},
           {"ProcessingResources.ClusterConfig.InstanceCount", 21, "processing job usage"}}) {
    Value bad = request;
    at(bad, c.path) = c.value;
    const auto refused = build_processing_job(kAccountRegion, bad, kNow);
    ASSERT_FALSE(refused) << c.path;
    EXPECT_THAT(refused.error().message, HasSubstr(c.says));
  }
}

TEST(BuildModel, HasOneContainerOrAList) {
  const Value container = Value::object({{"Image", "x/kmeans:1"}, {"ModelDataUrl", "s3://b/m.tar.gz"}});
  const Value name = Value::object({{"ModelName", "m"}});
  Value one = name, both = name;
  one.set("PrimaryContainer", container);
  both.set("PrimaryContainer", container).set("Containers", Value::array({container}));
  const auto model = build_model(kAccountRegion, one, kNow);
  ASSERT_TRUE(model);
  EXPECT_EQ(model->body["PrimaryContainer"]["Mode"].as_string(), "SingleModel");
  EXPECT_FALSE(build_model(kAccountRegion, both, kNow));
  EXPECT_FALSE(build_model(kAccountRegion, name, kNow));
}

TEST(Tags, AreKeysOnce) {
  const auto tag = [](const char* key) { return Value::object({{"Key", key}, {"Value", "v"}}); };
  EXPECT_EQ(parse_tags(Value::array({tag("a"), tag("b")}))->size(), 2u);
  EXPECT_FALSE(parse_tags(Value::array({tag("a"), tag("a")})));
  EXPECT_FALSE(parse_tags(Value::array({tag("aws:a")})));
  EXPECT_TRUE(parse_tags(Value())->empty());
}

}  // namespace
}  // namespace millrace::sagemaker
