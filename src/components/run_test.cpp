// Components from their command line to their output files, against an HTTP server that answers as SageMaker does.
#include "components/run.h"

#include <signal.h>

#include <atomic>
#include <filesystem>
#include <map>
#include <mutex>
#include <thread>

#include <gtest/gtest.h>

#include "base/eventually_for_tests.h"
#include "base/file.h"
#include "base/ids.h"
#include "base/json.h"
#include "base/strings.h"
#include "net/server.h"

namespace millrace::components {
namespace {

class ScriptedSageMaker {
 public:
  // Answers by operation: the last one of a list goes on for ever.
  using Answer = std::function<std::pair<int, std::string>(const Value& input)>;

  ScriptedSageMaker() {
    server_ = *net::Server::start({}, [this](net::Request& request) {
      const std::string target(request.headers.get("X-Amz-Target"));
      const std::string operation = target.substr(target.find('.') + 1);
      const auto body = request.body->read_all(1 << 20);
      const Value input = body && !body->empty() ? *parse_json(*body) : Value::object();
      Answer answer;
      {
        const std::lock_guard lock(mutex_);
        calls_.emplace_back(operation, input);
        auto& answers = answers_[operation];
        if (!answers.empty()) {
          answer = answers.front();
          if (answers.size() > 1) answers.erase(answers.begin());
        }
      }
      const auto [status, text] =
          answer ? answer(input)
                 : std::pair(400, std::string(R"({"__type":"ValidationException","message":"not scripted"})"));
      net::Response response = net::Response::json(status, text);
      response.headers.set("Content-Type", "application/x-amz-json-1.1");
      return response;
    });
  }
  ~ScriptedSageMaker() { server_->stop(std::chrono::milliseconds(100)); }

  ScriptedSageMaker& on(const std::string& operation, int status, std::string text) {
    return on(operation, [=](const Value&) { return std::pair(status, text); });
  }
  ScriptedSageMaker& on(const std::string& operation, Answer answer) {
    const std::lock_guard lock(mutex_);
    answers_[operation].push_back(std::move(answer));
    return *this;
  }
  std::string endpoint() const { return "http://127.0.0.1:" + std::to_string(server_->port()); }
  std::vector<Value> inputs(const std::string& operation) {
    const std::lock_guard lock(mutex_);
    std::vector<Value> found;
    for (const auto& [name, input] : calls_) {
      if (name == operation) found.push_back(input);
    }
    return found;
  }

 private:
  std::mutex mutex_;
  std::map<std::string, std::vector<Answer>> answers_;
  std::vector<std::pair<std::string, Value>> calls_;
  std::unique_ptr<net::Server> server_;
};

class RunTest : public ::testing::Test {
 protected:
  RunTest() : directory_(std::filesystem::temp_directory_path() / ("components-" + random_hex(12))) {
    std::filesystem::create_directories(directory_);
    setenv("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE", 1);
    setenv("AWS_SECRET_ACCESS_KEY", "secret", 1);
  }
  ~RunTest() override { std::filesystem::remove_all(directory_); }

  int run_component(std::unique_ptr<Component> component, std::vector<std::string> words) {
    for (const std::string_view output : component->outputs()) {
      words.push_back("--" + std::string(output) + "_output_path");
      words.push_back((directory_ / "out" / output).string());
    }
    const Environment environment = [this](const char* name) {
      return std::string_view(name) == "AWS_ENDPOINT_URL" ? aws_.endpoint() : std::string();
    };
    testing::internal::CaptureStderr();
    testing::internal::CaptureStdout();
    const int code = run(*component, words, environment, clock_);
    log_ = testing::internal::GetCapturedStderr() + testing::internal::GetCapturedStdout();
    return code;
  }
  std::string output(const std::string& name) {
    const auto text = read_file(directory_ / "out" / name);
    return text ? *text : "(none)";
  }
  std::vector<std::string> train_words() const {
    return {"--region",
            "us-east-1",
            "--role",
            "arn:aws:iam::123456789012:role/r",
            "--algorithm_name",
            "K-Means",
            "--hyperparameters",
            R"({"k":"10"})",
            "--model_artifact_path",
            "s3://b/out",
            "--channels",
            R"([{"ChannelName":"train","DataSource":{"S3DataSource":{"S3Uri":"s3://b/in","S3DataType":"S3Prefix"}}}])"};
  }
  void logs_are_empty() { aws_.on("DescribeLogStreams", 200, R"({"logStreams":[]})"); }

  std::filesystem::path directory_;
  ScriptedSageMaker aws_;
  SystemClock clock_;
  std::string log_;
};

constexpr const char* kDone =
    R"({"TrainingJobStatus":"Completed","ModelArtifacts":{"S3ModelArtifacts":"s3://b/out/j/model.tar.gz"},"AlgorithmSpecification":{"TrainingImage":"image:1"}})";

TEST_F(RunTest, TrainsAndWritesItsOutputs) {
  logs_are_empty();
  aws_.on("CreateTrainingJob", 200, R"({"TrainingJobArn":"arn:aws:sagemaker:us-east-1:123456789012:training-job/j"})")
      .on("DescribeTrainingJob", 200, R"({"TrainingJobStatus":"InProgress"})")
      .on("DescribeTrainingJob", 200, kDone);
  ASSERT_EQ(run_component(train_component(), train_words()), 0) << log_;
  const auto created = aws_.inputs("CreateTrainingJob");
  ASSERT_EQ(created.size(), 1u);
  EXPECT_EQ(created[0]["AlgorithmSpecification"]["TrainingImage"].string_or(),
            "382416733822.dkr.ecr.us-east-1.amazonaws.com/kmeans:1");
  EXPECT_EQ(created[0]["HyperParameters"]["k"].string_or(), "10");
  EXPECT_EQ(created[0]["ResourceConfig"]["InstanceType"].string_or(), "ml.m4.xlarge");
  EXPECT_EQ(created[0]["StoppingCondition"]["MaxRuntimeInSeconds"].int_or(0), 86400);
  EXPECT_TRUE(created[0]["EnableNetworkIsolation"].bool_or(false));
  EXPECT_EQ(output("job_name"), created[0]["TrainingJobName"].string_or());
  EXPECT_EQ(output("model_artifact_url"), "s3://b/out/j/model.tar.gz");
  EXPECT_EQ(output("training_image"), "image:1");
}

TEST_F(RunTest, SaysWhyAJobFailed) {
  logs_are_empty();
  aws_.on("CreateTrainingJob", 200, R"({"TrainingJobArn":"arn"})")
      .on("DescribeTrainingJob", 200, R"({"TrainingJobStatus":"Failed","FailureReason":"ClientError: no data"})");
  EXPECT_EQ(run_component(train_component(), train_words()), 1);
  EXPECT_NE(log_.find("ClientError: no data"), std::string::npos) << log_;
  EXPECT_EQ(output("job_name"), "(none)");
}

TEST_F(RunTest, SaysWhatSageMakerRefused) {
  aws_.on("CreateTrainingJob", 400, R"({"__type":"ValidationException","message":"Could not assume role"})");
  EXPECT_EQ(run_component(train_component(), train_words()), 1);
  EXPECT_NE(log_.find("An error occurred (ValidationException) when calling the CreateTrainingJob operation: Could not "
                      "assume role"),
            std::string::npos)
      << log_;
  EXPECT_EQ(aws_.inputs("CreateTrainingJob").size(), 1u);
}

TEST_F(RunTest, RefusesAWrongArgumentBeforeAnyCall) {
  auto words = train_words();
  words.insert(words.end(), {"--instance_count", "many"});
  EXPECT_EQ(run_component(train_component(), words), 2);
  EXPECT_NE(log_.find("--instance_count"), std::string::npos) << log_;
  EXPECT_TRUE(aws_.inputs("CreateTrainingJob").empty());
}

TEST_F(RunTest, RefusesWhatAwsClientWouldNotSend) {
  auto words = train_words();
  words.insert(words.end(), {"--channels", R"([{"ChannelName":"train","Data":1}])"});
  EXPECT_EQ(run_component(train_component(), words), 1);
  EXPECT_NE(log_.find("Missing required parameter in InputDataConfig[0]: \"DataSource\""), std::string::npos) << log_;
  EXPECT_NE(log_.find("Unknown parameter in InputDataConfig[0]: \"Data\""), std::string::npos) << log_;
  EXPECT_TRUE(aws_.inputs("CreateTrainingJob").empty());
}

// The first answer is lost with a server's death: the same request again meets its own job.
TEST_F(RunTest, TakesItsOwnJobForDone) {
  logs_are_empty();
  aws_.on("CreateTrainingJob", 500, R"({"__type":"InternalFailure","message":"lost"})")
      .on("CreateTrainingJob", 400,
          R"({"__type":"ResourceInUse","message":"Training job names must be unique: it already exists"})")
      .on("DescribeTrainingJob", 200, kDone);
  EXPECT_EQ(run_component(train_component(), train_words()), 0) << log_;
  EXPECT_EQ(aws_.inputs("CreateTrainingJob").size(), 2u);
}

TEST_F(RunTest, RefusesAnothersJobOfTheSameName) {
  logs_are_empty();
  aws_.on("CreateTrainingJob", 400, R"({"__type":"ResourceInUse","message":"it already exists"})")
      .on("DescribeTrainingJob", 200,
          R"({"TrainingJobStatus":"Completed","CreationTime":1.0,"TrainingJobName":"mine"})");
  auto words = train_words();
  words.insert(words.end(), {"--job_name", "mine"});
  EXPECT_EQ(run_component(train_component(), words), 1);
}

TEST_F(RunTest, StopsItsJobOnSigterm) {
  logs_are_empty();
  std::atomic<bool> stopped = false;
  aws_.on("CreateTrainingJob", 200, R"({"TrainingJobArn":"arn"})")
      .on("DescribeTrainingJob",
          [&](const Value&) {
            return std::pair(200, std::string(stopped ? R"({"TrainingJobStatus":"Stopped"})"
                                                      : R"({"TrainingJobStatus":"InProgress"})"));
          })
      .on("StopTrainingJob", [&](const Value&) {
        stopped = true;
        return std::pair(200, std::string());
      });
  const pthread_t waiting = pthread_self();
  std::thread killer([&] {
    EXPECT_TRUE(eventually([&] { return !aws_.inputs("DescribeTrainingJob").empty(); }));
    pthread_kill(waiting, SIGTERM);
  });
  EXPECT_EQ(run_component(train_component(), train_words()), 1);
  killer.join();
  EXPECT_EQ(aws_.inputs("StopTrainingJob").size(), 1u);
  EXPECT_NE(log_.find("Stopped"), std::string::npos) << log_;
}

TEST_F(RunTest, TunesAndGivesTheBest) {
  aws_.on("CreateHyperParameterTuningJob", 200, R"({"HyperParameterTuningJobArn":"arn"})")
      .on("DescribeHyperParameterTuningJob", 200,
          R"({"HyperParameterTuningJobStatus":"Completed","BestTrainingJob":{"TrainingJobName":"t-2"}})")
      .on("DescribeTrainingJob", 200,
          R"({"HyperParameters":{"k":"10","_tuning_objective_metric":"test:msd"},"ModelArtifacts":{"S3ModelArtifacts":"s3://m"},"AlgorithmSpecification":{"TrainingImage":"i"}})");
  ASSERT_EQ(
      run_component(
          hyperparameter_tuning_component(),
          {"--region",
           "us-east-1",
           "--role",
           "arn:aws:iam::123456789012:role/r",
           "--algorithm_name",
           "kmeans",
           "--metric_name",
           "test:msd",
           "--metric_type",
           "Minimize",
           "--static_parameters",
           R"({"k":"10"})",
           "--integer_parameters",
           R"([{"Name":"mini_batch_size","MinValue":"500","MaxValue":"600"}])",
           "--channels",
           R"([{"ChannelName":"train","DataSource":{"S3DataSource":{"S3DataType":"S3Prefix","S3Uri":"s3://b/in"}}}])",
           "--output_location",
           "s3://o",
           "--max_num_jobs",
           "3",
           "--max_parallel_jobs",
           "2"}),
      0)
      << log_;
  EXPECT_EQ(*parse_json(output("best_hyperparameters")), *parse_json(R"({"k":"10"})"));
  EXPECT_EQ(output("best_job_name"), "t-2");
  EXPECT_EQ(output("model_artifact_url"), "s3://m");
  const auto request = aws_.inputs("CreateHyperParameterTuningJob").at(0);
  EXPECT_EQ(request["HyperParameterTuningJobConfig"]["ResourceLimits"]["MaxParallelTrainingJobs"].int_or(0), 2);
}

TEST_F(RunTest, MakesAModel) {
  aws_.on("CreateModel", 200, R"({"ModelArn":"arn"})");
  ASSERT_EQ(run_component(model_component(), {"--region", "us-east-1", "--role", "arn:aws:iam::123456789012:role/r",
                                              "--image", "i", "--model_name", "m", "--model_artifact_url", "s3://m"}),
            0)
      << log_;
  EXPECT_EQ(output("model_name"), "m");
  EXPECT_EQ(aws_.inputs("CreateModel").at(0)["PrimaryContainer"]["ModelDataUrl"].string_or(), "s3://m");
}

}  // namespace
}  // namespace millrace::components
