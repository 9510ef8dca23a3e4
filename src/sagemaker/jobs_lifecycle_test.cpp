// Jobs from request to result, over HTTP, with real children.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>

#include "base/json.h"
#include "base/strings.h"
#include "sagemaker/jobs/model_archive.h"
#include "sagemaker/jobs/sandbox.h"
#include "sagemaker/test_server.h"

namespace millrace::sagemaker {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::UnorderedElementsAre;
using namespace std::chrono_literals;

constexpr const char* kKMeans = "382416733822.dkr.ecr.us-east-1.amazonaws.com/kmeans:1";

// Four groups of points in the plane.
std::string points_csv(int count) {
  std::string csv;
  for (int i = 0; i < count; ++i) {
    const int group = i % 4;
    csv += std::to_string((group % 2) * 100 + i % 7) + "," + std::to_string((group / 2) * 100 + i % 5) + "\n";
  }
  return csv;
}

class JobsLifecycle : public testing::Test {
 protected:
  TestServer server_;
  std::string role_ = server_.make_role("job-role", TestServer::kAllowS3);

  JobsLifecycle() {
    server_.make_bucket("data");
    server_.put("data", "train/points.csv", points_csv(400));
    server_.put("data", "test/points.csv", points_csv(40));
  }

  static Value channel(const std::string& name, const std::string& uri) {
    return Value::object(
        {{"ChannelName", name},
         {"ContentType", "text/csv;label_size=0"},
         {"DataSource",
          Value::object({{"S3DataSource", Value::object({{"S3Uri", uri},
                                                         {"S3DataType", "S3Prefix"},
                                                         {"S3DataDistributionType", "FullyReplicated"}})}})}});
  }
  Value kmeans_request(const std::string& name) {
    return Value::object(
        {{"TrainingJobName", name},
         {"AlgorithmSpecification", Value::object({{"TrainingImage", kKMeans}, {"TrainingInputMode", "File"}})},
         {"HyperParameters", Value::object({{"k", "4"}, {"feature_dim", "2"}, {"mini_batch_size", "100"}})},
         {"InputDataConfig", Value::array({channel("train", "s3://data/train"), channel("test", "s3://data/test/")})},
         {"OutputDataConfig", Value::object({{"S3OutputPath", "s3://data/output"}})},
         {"ResourceConfig",
          Value::object({{"InstanceType", "ml.m5.xlarge"}, {"InstanceCount", 1}, {"VolumeSizeInGB", 10}})},
         {"StoppingCondition", Value::object({{"MaxRuntimeInSeconds", 600}})},
         {"RoleArn", role_}});
  }
  Value program_request(const std::string& name, const std::string& script) {
    Value request = kmeans_request(name);
    request.set("AlgorithmSpecification",
                Value::object({{"TrainingImage", "registry/own:1"},
                               {"TrainingInputMode", "File"},
                               {"ContainerEntrypoint", Value::array({"/bin/sh", "-c", script})}}));
    return request;
  }
  Value processing_request(const std::string& name, const std::string& script) {
    server_.put("data", "code/" + name + ".sh", script);
    return *parse_json(replace_all(replace_all(replace_all(R"({
        "ProcessingJobName": "NAME",
        "ProcessingResources": {"ClusterConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.xlarge", "VolumeSizeInGB": 10}},
        "AppSpecification": {"ImageUri": "x/sagemaker-scikit-learn:1",
                             "ContainerEntrypoint": ["/bin/sh", "/opt/ml/processing/code/NAME.sh"]},
        "Environment": {"GREETING": "hello"},
        "ProcessingInputs": [
          {"InputName": "code", "S3Input": {"S3Uri": "s3://data/code/NAME.sh", "LocalPath": "/opt/ml/processing/code",
                                            "S3DataType": "S3Prefix", "S3InputMode": "File"}},
          {"InputName": "points", "S3Input": {"S3Uri": "s3://data/train/", "LocalPath": "/opt/ml/processing/input",
                                              "S3DataType": "S3Prefix", "S3InputMode": "File"}}],
        "ProcessingOutputConfig": {"Outputs": [
          {"OutputName": "out", "S3Output": {"S3Uri": "s3://data/processed/NAME", "LocalPath": "/opt/ml/processing/output",
                                             "S3UploadMode": "EndOfJob"}}]},
        "RoleArn": "ROLE"})",
                                                           "NAME", name),
                                               "ROLE", role_),
                                   "\t", " "));
  }
  Value tuning_request(const std::string& name) {
    Value request = *parse_json(R"({
        "HyperParameterTuningJobConfig": {"Strategy": "Bayesian",
      "HyperParameterTuningJobObjective": {"Type": "Minimize", "MetricName": "test:msd"},
      "ResourceLimits": {"MaxNumberOfTrainingJobs": 3, "MaxParallelTrainingJobs": 2},
      "ParameterRanges": {"IntegerParameterRanges": [{"Name": "mini_batch_size", "MinValue": "100", "MaxValue": "200"}],
                          "CategoricalParameterRanges": [{"Name": "init_method", "Values": ["random", "kmeans++"]}]}}})");
    request.set("HyperParameterTuningJobName", name);
    Value definition = kmeans_request("unused");
    definition.erase("TrainingJobName");
    definition.set("StaticHyperParameters", Value::object({{"k", "4"}, {"feature_dim", "2"}}));
    definition.erase("HyperParameters");
    request.set("TrainingJobDefinition", definition);
    request.set("Tags", Value::array({Value::object({{"Key", "team"}, {"Value", "a"}})}));
    return request;
  }
  Error refused(const std::string& operation, const Value& input) {
    auto answer = server_.sagemaker(operation, input);
    EXPECT_FALSE(answer) << to_json(*answer);
    return answer ? Error() : answer.error();
  }
  void accepted(const std::string& operation, const Value& input) {
    auto answer = server_.sagemaker(operation, input);
    ASSERT_TRUE(answer) << answer.error().reason << ": " << answer.error().message;
  }
};

TEST_F(JobsLifecycle, KMeansIsTrained) {
  const auto began = std::chrono::steady_clock::now();
  accepted("CreateTrainingJob", kmeans_request("Train-One"));
  const Value job = server_.wait_job("TrainingJob", "Train-One");
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(5));
  EXPECT_EQ(job["TrainingJobStatus"].string_or(), "Completed") << to_json(job);
  EXPECT_EQ(job["ModelArtifacts"]["S3ModelArtifacts"].string_or(), "s3://data/output/Train-One/output/model.tar.gz");
  std::vector<std::string> statuses;
  for (const auto& t : job["SecondaryStatusTransitions"].items()) statuses.push_back(t["Status"].string_or());
  EXPECT_THAT(statuses, ElementsAre("Starting", "Downloading", "Training", "Uploading", "Completed"));
  std::vector<std::string> metrics;
  for (const auto& m : job["FinalMetricDataList"].items()) metrics.push_back(m["MetricName"].string_or());
  EXPECT_THAT(metrics, AllOf(Contains("test:msd"), Contains("train:progress")));
  EXPECT_GE(job["TrainingTimeInSeconds"].int_or(-1), 0);
  EXPECT_THAT(server_.log_lines("/aws/sagemaker/TrainingJobs", "Train-One/algo-1-"),
              Contains(HasSubstr("#quality_metric: host=algo-1, test msd <loss>=")));

  const auto archive = server_.get("data", "output/Train-One/output/model.tar.gz");
  ASSERT_TRUE(archive);
  accepted("CreateTrainingJob", kmeans_request("train-two"));
  server_.wait_job("TrainingJob", "train-two");
  EXPECT_EQ(*server_.get("data", "output/train-two/output/model.tar.gz"), *archive);  // same input, same bytes

  const auto twice = refused("CreateTrainingJob", kmeans_request("TRAIN-ONE"));
  EXPECT_EQ(twice.reason, "ResourceInUse");
  const auto over = refused("StopTrainingJob", Value::object({{"TrainingJobName", "Train-One"}}));
  EXPECT_EQ(over.message, "The request was rejected because the training job is in status Completed.");
  const auto list = server_.sagemaker("ListTrainingJobs", Value::object({{"MaxResults", 1}}));
  ASSERT_TRUE(list) << list.error().message;
  EXPECT_EQ((*list)["TrainingJobSummaries"].as_array()[0]["TrainingJobName"].as_string(), "Train-One");
  EXPECT_TRUE(list->has("NextToken"));
}

TEST_F(JobsLifecycle, FailuresSayWhoseTheyAre) {
  auto request = kmeans_request("no-role");
  request.set("RoleArn", "arn:aws:iam::123456789012:role/absent");
  const auto role = refused("CreateTrainingJob", request);
  EXPECT_EQ(role.reason, "ValidationException");
  EXPECT_THAT(role.message, HasSubstr("Could not assume role arn:aws:iam::123456789012:role/absent. Please ensure"));

  request = kmeans_request("no-bucket");
  request.child("InputDataConfig").as_array()[0] = channel("train", "s3://absent/train");
  const auto absent = refused("CreateTrainingJob", request);
  EXPECT_EQ(absent.reason, "ValidationException");
  EXPECT_THAT(absent.message, testing::StartsWith("No S3 objects found under S3 URL \"s3://absent/train\" given"));

  request = kmeans_request("no-objects");
  request.child("InputDataConfig").as_array()[0] = channel("train", "s3://data/nothing/");
  EXPECT_THAT(refused("CreateTrainingJob", request).message,
              testing::AllOf(testing::StartsWith("No S3 objects found under S3 URL \"s3://data/nothing/\" given"),
                             testing::EndsWith("has \"s3:ListBucket\" permissions on bucket \"data\".")));

  request = kmeans_request("no-permission");
  request.set(
      "RoleArn",
      server_.make_role(
          "poor",
          R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}]})"));
  const auto denied = refused("CreateTrainingJob", request);
  EXPECT_EQ(denied.reason, "ValidationException");
  EXPECT_THAT(denied.message, HasSubstr("is not authorized to perform: s3:ListBucket"));

  request = kmeans_request("no-k");
  request.child("HyperParameters").erase("k");
  const auto incomplete = refused("CreateTrainingJob", request);
  EXPECT_EQ(incomplete.reason, "ValidationException");
  EXPECT_THAT(incomplete.message, HasSubstr("No value(s) were specified for 'k' which are required"));

  request = kmeans_request("too-many");
  request.child("HyperParameters").set("k", "1000000");  // more than there are records: only the job can know
  accepted("CreateTrainingJob", request);
  const Value bad = server_.wait_job("TrainingJob", "too-many");
  EXPECT_EQ(bad["TrainingJobStatus"].string_or(), "Failed");
  EXPECT_THAT(bad["FailureReason"].string_or(), testing::StartsWith("ClientError: "));
  EXPECT_EQ(bad["SecondaryStatus"].string_or(), "Failed");

  request = program_request("bad-metric", "");
  request.child("AlgorithmSpecification")
      .set("MetricDefinitions", Value::array({Value::object({{"Name", "m"}, {"Regex", "("}})}));
  EXPECT_THAT(refused("CreateTrainingJob", request).message, HasSubstr("regular expression of the metric m"));

  request = program_request("no-entry-point", "");
  request.child("AlgorithmSpecification").erase("ContainerEntrypoint");
  EXPECT_THAT(refused("CreateTrainingJob", request).message,
              HasSubstr("The image registry/own:1 cannot run here: containers' own entry points are not known"));

  request = program_request("no-command", "");
  request.child("AlgorithmSpecification").set("ContainerEntrypoint", Value::array({"no-such-command"}));
  accepted("CreateTrainingJob", request);
  EXPECT_THAT(server_.wait_job("TrainingJob", "no-command")["FailureReason"].string_or(),
              HasSubstr("The image registry/own:1 cannot run here: this machine has no command no-such-command."));
}

TEST_F(JobsLifecycle, AnotherProgramIsTrainedByTheContainerContract) {
  accepted("CreateTrainingJob", program_request("own",
                                                "cat $SM_CHANNEL_TRAIN/points.csv | wc -l > $SM_MODEL_DIR/lines && "
                                                "echo k is $SM_HP_K && echo out > /opt/ml/output/data/extra && "
                                                "grep -q feature_dim /opt/ml/input/config/hyperparameters.json"));
  const Value job = server_.wait_job("TrainingJob", "own");
  ASSERT_EQ(job["TrainingJobStatus"].string_or(), "Completed") << to_json(job);
  EXPECT_THAT(server_.log_lines("/aws/sagemaker/TrainingJobs", "own/"), ElementsAre("k is 4"));
  EXPECT_TRUE(server_.get("data", "output/own/output/output.tar.gz"));
  const auto archive = server_.get("data", "output/own/output/model.tar.gz");
  ASSERT_TRUE(archive);
  ASSERT_TRUE(write_file(server_.directory() / "m.tar.gz", *archive));
  ASSERT_TRUE(unpack_archive(server_.directory() / "m.tar.gz", server_.directory() / "m"));
  EXPECT_EQ(*read_file(server_.directory() / "m/lines"), "400\n");

  accepted("CreateTrainingJob", program_request("broken", "echo it broke > /opt/ml/output/failure; exit 3"));
  const Value broken = server_.wait_job("TrainingJob", "broken");
  EXPECT_EQ(broken["FailureReason"].string_or(), "AlgorithmError: it broke, exit code: 3");
  EXPECT_FALSE(server_.get("data", "output/broken/output/model.tar.gz"));
}

TEST_F(JobsLifecycle, AJobIsStopped) {
  accepted("CreateTrainingJob", program_request("long", "echo half > /opt/ml/model/half; echo ready; exec sleep 60"));
  const Value name = Value::object({{"TrainingJobName", "long"}});
  server_.wait("DescribeTrainingJob", name, "SecondaryStatus", {"Training"});
  ASSERT_TRUE(
      server_.signals().reached([&] { return !server_.log_lines("/aws/sagemaker/TrainingJobs", "long/").empty(); }));
  accepted("StopTrainingJob", name);
  const Value job = server_.wait_job("TrainingJob", "long");
  EXPECT_EQ(job["TrainingJobStatus"].string_or(), "Stopped");
  EXPECT_EQ(job["SecondaryStatus"].string_or(), "Stopped");
  EXPECT_TRUE(server_.get("data", "output/long/output/model.tar.gz"));  // what there was is kept

  auto request = program_request("slow", "exec sleep 60");
  request.child("StoppingCondition").set("MaxRuntimeInSeconds", 1);
  accepted("CreateTrainingJob", request);
  const Value slow = server_.wait_job("TrainingJob", "slow");
  EXPECT_EQ(slow["TrainingJobStatus"].string_or(), "Stopped");
  EXPECT_EQ(slow["SecondaryStatus"].string_or(), "MaxRuntimeExceeded");
}

TEST_F(JobsLifecycle, ADeletedJobIsGoneAndItsNameFree) {
  const Value name = Value::object({{"TrainingJobName", "gone"}});
  EXPECT_EQ(refused("DeleteTrainingJob", name).reason, "ResourceNotFound");
  accepted("CreateTrainingJob", program_request("gone", "exec sleep 60"));
  const auto under_way = refused("DeleteTrainingJob", name);
  EXPECT_EQ(under_way.reason, "ResourceInUse");
  EXPECT_THAT(under_way.message, HasSubstr("gone is in status InProgress"));
  accepted("StopTrainingJob", name);
  server_.wait_job("TrainingJob", "gone");
  accepted("DeleteTrainingJob", name);
  EXPECT_EQ(refused("DescribeTrainingJob", name).message, "Requested resource not found.");
  // The next one is another job, whatever is still being removed of the one before.
  accepted("CreateTrainingJob", program_request("gone", "echo again > $SM_MODEL_DIR/again"));
  const Value job = server_.wait_job("TrainingJob", "gone");
  EXPECT_EQ(job["TrainingJobStatus"].string_or(), "Completed") << to_json(job);
}

TEST_F(JobsLifecycle, ADeletedTuningJobLeavesItsTrainingJobs) {
  accepted("CreateHyperParameterTuningJob", tuning_request("tune"));
  const auto trials = [&] { return server_.service().training_jobs_of("tune", 10); };
  const Value running = (*server_.sagemaker("ListTrainingJobs", Value::object()))["TrainingJobSummaries"];
  if (!running.empty()) {
    const auto refusal = server_.sagemaker(
        "DeleteTrainingJob", Value::object({{"TrainingJobName", running.items().front()["TrainingJobName"]}}));
    ASSERT_FALSE(refusal);
    EXPECT_EQ(refusal.error().reason, "ResourceInUse");
  }
  server_.wait_job("HyperParameterTuningJob", "tune");
  ASSERT_EQ(trials()->size(), 3u);
  accepted("DeleteHyperParameterTuningJob", Value::object({{"HyperParameterTuningJobName", "tune"}}));
  EXPECT_EQ((*server_.sagemaker("ListTrainingJobs", Value::object()))["TrainingJobSummaries"].size(), 3u);
  EXPECT_TRUE(trials()->empty());
  accepted("CreateHyperParameterTuningJob", tuning_request("tune"));
  EXPECT_EQ(server_.wait_job("HyperParameterTuningJob", "tune")["TrainingJobStatusCounters"]["Completed"].int_or(0), 3);
}

TEST_F(JobsLifecycle, AProcessingJobMovesItsFiles) {
  if (!server_.has_sandboxes()) GTEST_SKIP() << "no sandboxes on this machine";
  accepted("CreateProcessingJob",
           processing_request("prep",
                              "echo $GREETING $AWS_REGION\n"
                              "mkdir -p /opt/ml/processing/output/sub\n"
                              "wc -l < /opt/ml/processing/input/points.csv > /opt/ml/processing/output/sub/lines\n"
                              "echo all went well > /opt/ml/output/message\n"));
  const Value job = server_.wait_job("ProcessingJob", "prep");
  ASSERT_EQ(job["ProcessingJobStatus"].string_or(), "Completed") << to_json(job);
  EXPECT_EQ(job["ExitMessage"].string_or(), "all went well");
  EXPECT_EQ(*server_.get("data", "processed/prep/sub/lines"), "400\n");
  EXPECT_THAT(server_.log_lines("/aws/sagemaker/ProcessingJobs", "prep/algo-1-"), ElementsAre("hello us-east-1"));

  accepted("CreateProcessingJob", processing_request("bad", "echo no >&2; exit 9\n"));
  const Value bad = server_.wait_job("ProcessingJob", "bad");
  EXPECT_EQ(bad["ProcessingJobStatus"].string_or(), "Failed");
  EXPECT_EQ(bad["FailureReason"].string_or(), "AlgorithmError: , exit code: 9");
  EXPECT_TRUE(TestServer::wait_gone(server_.directory() / "sagemaker/processing-job/bad"));  // nothing is left behind
}

TEST_F(JobsLifecycle, ATuningJobFindsTheBest) {
  accepted("CreateHyperParameterTuningJob", tuning_request("tune"));
  const Value job = server_.wait_job("HyperParameterTuningJob", "tune");
  ASSERT_EQ(job["HyperParameterTuningJobStatus"].string_or(), "Completed") << to_json(job);
  EXPECT_EQ(job["TrainingJobStatusCounters"]["Completed"].int_or(0), 3);
  EXPECT_EQ(job["ObjectiveStatusCounters"]["Succeeded"].int_or(0), 3);
  const Value& best = job["BestTrainingJob"];
  EXPECT_TRUE(best["TunedHyperParameters"].has("mini_batch_size"));

  const auto trials = server_.sagemaker(
      "ListTrainingJobsForHyperParameterTuningJob",
      Value::object({{"HyperParameterTuningJobName", "tune"}, {"SortBy", "FinalObjectiveMetricValue"}}));
  ASSERT_TRUE(trials) << trials.error().message;
  ASSERT_EQ((*trials)["TrainingJobSummaries"].size(), 3u);
  EXPECT_EQ((*trials)["TrainingJobSummaries"].as_array()[0]["FinalHyperParameterTuningJobObjectiveMetric"]["Value"],
            best["FinalHyperParameterTuningJobObjectiveMetric"]["Value"]);
  const auto trial =
      server_.sagemaker("DescribeTrainingJob", Value::object({{"TrainingJobName", best["TrainingJobName"]}}));
  EXPECT_EQ((*trial)["TuningJobArn"].string_or(), job["HyperParameterTuningJobArn"].string_or());
  const auto tags = server_.sagemaker("ListTags", Value::object({{"ResourceArn", best["TrainingJobArn"]}}));
  ASSERT_TRUE(tags) << tags.error().message;
  EXPECT_EQ((*tags)["Tags"].size(), 1u);
}

TEST_F(JobsLifecycle, ARestartAtAnyMomentLosesAndRepeatsNothing) {
  if (!server_.has_sandboxes()) GTEST_SKIP() << "no sandboxes on this machine";
  for (int i = 0; i < 8; ++i) {
    const std::string name = "crash-" + std::to_string(i);
    accepted("CreateProcessingJob",
             processing_request(name, "echo started\nsleep 0.1\necho 1 > /opt/ml/processing/output/a\necho done\n"));
    accepted("CreateTrainingJob", kmeans_request(name));
    const std::size_t seen = server_.signals().count();
    server_.signals().wait_beyond(seen + static_cast<std::size_t>(i) * 2, Signals::Steady::now() + 1s);
    server_.crash();
    server_.start();
    const Value processing = server_.wait_job("ProcessingJob", name);
    EXPECT_EQ(processing["ProcessingJobStatus"].string_or(), "Completed") << to_json(processing);
    const Value training = server_.wait_job("TrainingJob", name);
    EXPECT_EQ(training["TrainingJobStatus"].string_or(), "Completed") << to_json(training);
    EXPECT_THAT(server_.log_lines("/aws/sagemaker/ProcessingJobs", name + "/"), ElementsAre("started", "done"));
    EXPECT_TRUE(server_.get("data", "processed/" + name + "/a"));
    int finals = 0;
    for (const auto& line : server_.log_lines("/aws/sagemaker/TrainingJobs", name + "/")) {
      finals += line.find("test msd <loss>") != std::string::npos;
    }
    EXPECT_EQ(finals, 1) << name;
    EXPECT_FALSE(training["FinalMetricDataList"].empty());
  }
}

// The server is killed with -9 again and again while the jobs go on; each time another one takes them up.
TEST_F(JobsLifecycle, KilledAtAnyMomentItLosesAndRepeatsNothing) {
  if (!server_.has_sandboxes()) GTEST_SKIP() << "no sandboxes on this machine";
  const std::vector<std::string> names{"one", "two", "three"};
  for (const auto& name : names) {
    accepted("CreateProcessingJob",
             processing_request(name, "echo started\nsleep 0.3\necho 1 > /opt/ml/processing/output/a\necho done\n"));
    accepted("CreateTrainingJob", kmeans_request(name));
  }
  accepted("CreateHyperParameterTuningJob", tuning_request("tune"));
  server_.crash();
  for (std::size_t i = 0; i < 12; ++i) server_.serve_and_kill(1 + i * 5 % 13);
  server_.start();
  for (const auto& name : names) {
    EXPECT_EQ(server_.wait_job("ProcessingJob", name)["ProcessingJobStatus"].string_or(), "Completed");
    EXPECT_EQ(server_.wait_job("TrainingJob", name)["TrainingJobStatus"].string_or(), "Completed");
    EXPECT_THAT(server_.log_lines("/aws/sagemaker/ProcessingJobs", name + "/"), ElementsAre("started", "done"));
    EXPECT_TRUE(server_.get("data", "processed/" + name + "/a"));
  }
  const Value tuned = server_.wait_job("HyperParameterTuningJob", "tune");
  EXPECT_EQ(tuned["TrainingJobStatusCounters"]["Completed"].int_or(0), 3) << to_json(tuned);
  const auto jobs = server_.sagemaker("ListTrainingJobs", Value::object({{"MaxResults", 100}}));
  ASSERT_TRUE(jobs);
  EXPECT_EQ((*jobs)["TrainingJobSummaries"].size(), 6u);
  for (const auto& job : (*jobs)["TrainingJobSummaries"].items()) {
    const std::string name = job["TrainingJobName"].string_or();
    int ends = 0;
    for (const auto& line : server_.log_lines("/aws/sagemaker/TrainingJobs", name + "/")) {
      ends += line.find("Trained with") != std::string::npos;
    }
    EXPECT_EQ(ends, 1) << name;
  }
}

}  // namespace
}  // namespace millrace::sagemaker
