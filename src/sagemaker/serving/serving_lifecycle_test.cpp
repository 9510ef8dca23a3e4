// Models, endpoints and batch transform, over HTTP, with real model servers.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <chrono>
#include <future>
#include <map>
#include <mutex>

#include "base/json.h"
#include "base/strings.h"
#include "sagemaker/test_server.h"
#include "sagemaker/worker/worker.h"

namespace millrace::sagemaker {
namespace {

using testing::HasSubstr;

constexpr const char* kKMeans = "382416733822.dkr.ecr.us-east-1.amazonaws.com/kmeans:1";

// Process ids of the model servers below a directory, from /proc.
std::vector<pid_t> model_servers(const std::filesystem::path& root) {
  std::vector<pid_t> found;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    const auto pid = parse_int(entry.path().filename().string());
    if (!pid) continue;
    const auto line = read_file(entry.path() / "cmdline");
    if (line && line->find(std::string("worker") + '\0' + "serve" + '\0' + root.string()) != std::string::npos) {
      found.push_back(static_cast<pid_t>(*pid));
    }
  }
  return found;
}

class ServingLifecycle : public testing::Test {
 protected:
  TestServer server_;
  std::string role_ = server_.make_role("serving-role", TestServer::kAllowS3);

  ServingLifecycle() {
    server_.make_bucket("data");
    std::string csv;
    for (int i = 0; i < 200; ++i) csv += i % 2 == 0 ? "0,0\n" : "100,100\n";
    server_.put("data", "train/points.csv", csv);
    server_.put("data", "batch/in/points.csv", "1,1\n99,99\n");
    accepted("CreateTrainingJob", *parse_json(replace_all(R"({
        "TrainingJobName": "t",
        "AlgorithmSpecification": {"TrainingImage": "382416733822.dkr.ecr.us-east-1.amazonaws.com/kmeans:1", "TrainingInputMode": "File"},
        "HyperParameters": {"k": "2", "feature_dim": "2", "mini_batch_size": "100"},
        "InputDataConfig": [{"ChannelName": "train", "ContentType": "text/csv;label_size=0",
          "DataSource": {"S3DataSource": {"S3Uri": "s3://data/train", "S3DataType": "S3Prefix"}}}],
        "OutputDataConfig": {"S3OutputPath": "s3://data/output"},
        "ResourceConfig": {"InstanceType": "ml.m5.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 10},
        "StoppingCondition": {"MaxRuntimeInSeconds": 600},
        "RoleArn": "ROLE"})",
                                                          "ROLE", role_)));
    EXPECT_EQ(server_.wait_job("TrainingJob", "t")["TrainingJobStatus"].string_or(), "Completed");
  }
  void accepted(const std::string& operation, const Value& input) {
    auto answer = server_.sagemaker(operation, input);
    EXPECT_TRUE(answer) << operation << ": " << answer.error().reason << ": " << answer.error().message;
  }
  Error refused(const std::string& operation, const Value& input, const std::string& service = "sagemaker") {
    auto answer = server_.call(service, operation, input);
    EXPECT_FALSE(answer) << to_json(*answer);
    return answer ? Error() : answer.error();
  }
  void create_model(const std::string& name, const std::string& image = kKMeans) {
    accepted("CreateModel",
             Value::object(
                 {{"ModelName", name},
                  {"ExecutionRoleArn", role_},
                  {"PrimaryContainer",
                   Value::object({{"Image", image}, {"ModelDataUrl", "s3://data/output/t/output/model.tar.gz"}})}}));
  }
  void create_config(const std::string& name, const std::string& model) {
    Value config =
        Value::object({{"EndpointConfigName", name},
                       {"ProductionVariants", Value::array({Value::object({{"VariantName", "AllTraffic"},
                                                                           {"ModelName", model},
                                                                           {"InstanceType", "ml.m5.xlarge"},
                                                                           {"InitialInstanceCount", 1}})})}});
    config.set_if(only_servers_answer_, "DataCaptureConfig", *parse_json(R"({"EnableCapture": true,
        "InitialSamplingPercentage": 0, "DestinationS3Uri": "s3://data/captured", "CaptureOptions": [{"CaptureMode": "Input"}]})"));
    accepted("CreateEndpointConfig", config);
  }
  // What is captured is asked of the model server, never answered by this process with the model's numbers.
  bool only_servers_answer_ = false;
  Value endpoint(const std::vector<std::string>& statuses) {
    return server_.wait("DescribeEndpoint", Value::object({{"EndpointName", "e"}}), "EndpointStatus", statuses);
  }
  bool is_gone(const std::string& name) {
    return server_.signals().reached(
        [&] { return !server_.sagemaker("DescribeEndpoint", Value::object({{"EndpointName", name}})); });
  }
  void create_endpoint() {
    create_model("m");
    create_config("c", "m");
    accepted("CreateEndpoint", Value::object({{"EndpointName", "e"}, {"EndpointConfigName", "c"}}));
    ASSERT_EQ(endpoint({"InService", "Failed"})["EndpointStatus"].string_or(), "InService");
  }
  Result<Value> invoke(const std::string& body, const std::string& accept = "application/json") {
    return server_.call(
        "sagemaker-runtime", "InvokeEndpoint",
        Value::object({{"EndpointName", "e"}, {"ContentType", "text/csv"}, {"Accept", accept}, {"Body", body}}));
  }
  void expect_answer() {
    const auto answer = invoke("1,1\n99,99\n");
    ASSERT_TRUE(answer) << answer.error().reason << ": " << answer.error().message;
    EXPECT_EQ((*answer)["InvokedProductionVariant"].string_or(), "AllTraffic");
    const auto predictions = parse_json((*answer)["Body"].string_or());
    ASSERT_TRUE(predictions) << (*answer)["Body"].string_or();
    ASSERT_EQ((*predictions)["predictions"].size(), 2u);
    EXPECT_NE((*predictions)["predictions"].as_array()[0]["closest_cluster"],
              (*predictions)["predictions"].as_array()[1]["closest_cluster"]);
  }
};

TEST_F(ServingLifecycle, AnUpdateKeepsWhatItIsAskedToAndMovesTrafficAsConfigured) {
  create_endpoint();
  accepted("UpdateEndpointWeightsAndCapacities", *parse_json(R"({"EndpointName": "e", "DesiredWeightsAndCapacities": [
               {"VariantName": "AllTraffic", "DesiredWeight": 4, "DesiredInstanceCount": 3}]})"));
  create_config("c2", "m");
  const Value canary = *parse_json(R"({"BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": {"Type": "CANARY",
      "WaitIntervalInSeconds": 1, "CanarySize": {"Type": "CAPACITY_PERCENT", "Value": 50}}}})");
  accepted("UpdateEndpoint", Value::object({{"EndpointName", "e"},
                                            {"EndpointConfigName", "c2"},
                                            {"DeploymentConfig", canary},
                                            {"RetainAllVariantProperties", true},
                                            {"ExcludeRetainedVariantProperties",
                                             *parse_json(R"([{"VariantPropertyType": "DesiredInstanceCount"}])")}}));
  const Value updating = endpoint({"Updating", "Failed"});
  EXPECT_EQ(updating["PendingDeploymentSummary"]["EndpointConfigName"].string_or(), "c2");
  EXPECT_EQ(updating["EndpointConfigName"].string_or(), "c");
  while (endpoint({"InService", "Updating", "Failed"})["EndpointStatus"].string_or() == "Updating") expect_answer();
  const Value described = endpoint({"InService"});
  EXPECT_EQ(described["EndpointConfigName"].string_or(), "c2");
  EXPECT_EQ(described["LastDeploymentConfig"], canary);
  EXPECT_FALSE(described.has("PendingDeploymentSummary"));
  const Value variant = described["ProductionVariants"].as_array()[0];
  EXPECT_EQ(variant["CurrentWeight"].double_or(0), 4) << "retained";
  EXPECT_EQ(variant["CurrentInstanceCount"].int_or(0), 1) << "excluded";

  const auto both = refused("UpdateEndpoint", Value::object({{"EndpointName", "e"},
                                                             {"EndpointConfigName", "c"},
                                                             {"DeploymentConfig", canary},
                                                             {"RetainDeploymentConfig", true}}));
  EXPECT_THAT(both.message, HasSubstr("cannot both be given"));
  const auto alarms =
      refused("UpdateEndpoint", *parse_json(R"({"EndpointName": "e", "EndpointConfigName": "c", "DeploymentConfig":
          {"AutoRollbackConfiguration": {"Alarms": [{"AlarmName": "a"}]}}})"));
  EXPECT_THAT(alarms.message, HasSubstr("no CloudWatch alarms"));
}

TEST_F(ServingLifecycle, AMultiModelEndpointLoadsTheModelThatACallNames) {
  const std::string artifact = server_.get("data", "output/t/output/model.tar.gz").value();
  for (const char* name : {"one.tar.gz", "deep/two.tar.gz"}) server_.put("data", std::string("mme/") + name, artifact);
  server_.put("data", "mme/broken.tar.gz", "no archive");
  accepted("CreateModel",
           Value::object(
               {{"ModelName", "mm"},
                {"ExecutionRoleArn", role_},
                {"PrimaryContainer",
                 Value::object({{"Image", kKMeans}, {"Mode", "MultiModel"}, {"ModelDataUrl", "s3://data/mme/"}})}}));
  create_config("c", "mm");
  accepted("CreateEndpoint", Value::object({{"EndpointName", "e"}, {"EndpointConfigName", "c"}}));
  ASSERT_EQ(endpoint({"InService", "Failed"})["EndpointStatus"].string_or(), "InService");
  const auto ask = [&](const std::string& model) {
    Value input = Value::object({{"EndpointName", "e"}, {"ContentType", "text/csv"}, {"Body", "1,1\n"}});
    if (!model.empty()) input.set("TargetModel", model);
    return server_.call("sagemaker-runtime", "InvokeEndpoint", input);
  };
  for (const char* name : {"one.tar.gz", "deep/two.tar.gz", "/one.tar.gz", "one.tar.gz"}) {
    const auto answer = ask(name);
    ASSERT_TRUE(answer) << answer.error().message;
    EXPECT_THAT((*answer)["Body"].string_or(), HasSubstr("closest_cluster"));
  }
  // More than fit: the least recently used are unloaded, and loaded again when they are wanted.
  constexpr int kMany = 40;
  constexpr std::ptrdiff_t kMost = 32;
  for (int i = 0; i < kMany; ++i) {
    const std::string name = "many-" + std::to_string(i);
    server_.put("data", "mme/" + name, artifact);
    EXPECT_TRUE(ask(name)) << name;
  }
  EXPECT_TRUE(server_.signals().reached([&] {
    for (const auto& entry : std::filesystem::recursive_directory_iterator(server_.directory())) {
      if (entry.path().filename() != "AllTraffic" || !entry.is_directory()) continue;
      const std::filesystem::directory_iterator models(entry.path() / "model");
      return std::distance(begin(models), end(models)) <= kMost;
    }
    return false;
  }));
  EXPECT_TRUE(ask("one.tar.gz"));

  struct Case {
    const char *model, *says;
  };
  for (const auto& c :
       {Case{"absent.tar.gz", "Failed to download model data(bucket: data, key: mme/absent.tar.gz). Please ensure"},
        Case{"../train/points.csv", "Failed to download model data(bucket: data, key: mme/../train/points.csv)"},
        Case{"broken.tar.gz", "cannot be unpacked"}, Case{"", "requires target model header"}}) {
    const auto refusal = ask(c.model);
    ASSERT_FALSE(refusal) << c.model;
    EXPECT_EQ(refusal.error().reason, "ValidationError") << c.model;
    EXPECT_THAT(refusal.error().message, HasSubstr(c.says)) << c.model;
  }
}

TEST_F(ServingLifecycle, AsynchronousInvocationsAreAnsweredInS3) {
  create_model("m");
  Value config = *parse_json(R"({"EndpointConfigName": "c", "ProductionVariants": [{"VariantName": "AllTraffic",
      "ModelName": "m", "InstanceType": "ml.m5.xlarge", "InitialInstanceCount": 1}],
      "AsyncInferenceConfig": {"ClientConfig": {"MaxConcurrentInvocationsPerInstance": 2},
        "OutputConfig": {"S3OutputPath": "s3://data/async", "S3FailurePath": "s3://data/failed/"}}})");
  accepted("CreateEndpointConfig", config);
  accepted("CreateEndpoint", Value::object({{"EndpointName", "e"}, {"EndpointConfigName", "c"}}));
  ASSERT_EQ(endpoint({"InService", "Failed"})["EndpointStatus"].string_or(), "InService");
  EXPECT_EQ(endpoint({"InService"})["AsyncInferenceConfig"], config["AsyncInferenceConfig"]);
  server_.put("data", "in/good.csv", "1,1\n99,99\n");
  server_.put("data", "in/bad.csv", "1,2,3\n");
  const auto ask = [&](Value input) {
    input.set("EndpointName", "e").set("ContentType", "text/csv").set("Accept", "text/csv");
    auto answer = server_.call("sagemaker-runtime", "InvokeEndpointAsync", input);
    EXPECT_TRUE(answer) << answer.error().message;
    return answer ? *answer : Value();
  };
  // The object at one of the two places, once it is there.
  const auto written = [&](const Value& answer, std::string_view place) {
    const std::string uri = answer[place].string_or();
    EXPECT_TRUE(uri.starts_with("s3://data/")) << uri;
    std::string bytes;
    EXPECT_TRUE(server_.signals().reached([&] {
      auto object = server_.get("data", uri.substr(10));
      if (object) bytes = *object;
      return object.has_value();
    })) << uri;
    return bytes;
  };
  const Value good = ask(Value::object({{"InputLocation", "s3://data/in/good.csv"}, {"InferenceId", "mine"}}));
  EXPECT_EQ(good["InferenceId"].string_or(), "mine");
  EXPECT_TRUE(good["OutputLocation"].string_or().starts_with("s3://data/async/"));
  EXPECT_THAT(written(good, "OutputLocation"), testing::MatchesRegex("[01].0,[0-9.]+\n[01].0,[0-9.]+\n"));
  const Value inline_body = ask(Value::object({{"Body", "1,1\n"}, {"Filename", "named.csv"}}));
  EXPECT_EQ(inline_body["OutputLocation"].string_or(), "s3://data/async/named.csv");
  EXPECT_FALSE(written(inline_body, "OutputLocation").empty());
  EXPECT_THAT(written(ask(Value::object({{"InputLocation", "s3://data/in/bad.csv"}})), "FailureLocation"),
              HasSubstr("Received client error (400) from primary with message"));
  EXPECT_THAT(written(ask(Value::object({{"InputLocation", "s3://data/in/absent.csv"}})), "FailureLocation"),
              HasSubstr("The input s3://data/in/absent.csv cannot be read"));
  const auto at_once = invoke("1,1\n");
  ASSERT_FALSE(at_once);
  EXPECT_THAT(at_once.error().message, HasSubstr("use InvokeEndpointAsync"));
  const auto nothing = refused("InvokeEndpointAsync", Value::object({{"EndpointName", "e"}}), "sagemaker-runtime");
  EXPECT_EQ(nothing.reason, "ValidationError");

  config.child("AsyncInferenceConfig")
      .child("OutputConfig")
      .set("NotificationConfig", Value::object({{"SuccessTopic", "arn:aws:sns:us-east-1:123456789012:t"}}));
  EXPECT_THAT(refused("CreateEndpointConfig", config.set("EndpointConfigName", "c2")).message,
              HasSubstr("no SNS here"));
}

TEST_F(ServingLifecycle, AServerlessVariantHasNoInstancesAndALimit) {
  create_model("m");
  const auto config = [&](const char* more) {
    return *parse_json(std::string(R"({"EndpointConfigName": "c", "ProductionVariants": [{"VariantName": "AllTraffic",
        "ModelName": "m", "ServerlessConfig": {"MemorySizeInMB": 2048, "MaxConcurrency": 1})") +
                       more + "}]}");
  };
  EXPECT_THAT(refused("CreateEndpointConfig", config(R"(, "InstanceType": "ml.m5.large")")).message,
              HasSubstr("InstanceType cannot be given with ServerlessConfig"));
  accepted("CreateEndpointConfig", config(""));
  accepted("CreateEndpoint", Value::object({{"EndpointName", "e"}, {"EndpointConfigName", "c"}}));
  ASSERT_EQ(endpoint({"InService", "Failed"})["EndpointStatus"].string_or(), "InService");
  const Value variant = endpoint({"InService"})["ProductionVariants"].as_array()[0];
  EXPECT_EQ(variant["CurrentServerlessConfig"]["MaxConcurrency"].int_or(0), 1);
  EXPECT_FALSE(variant.has("CurrentInstanceCount"));
  expect_answer();
  // The model hangs, so that one invocation stays under way.
  for (const pid_t server : model_servers(server_.directory())) ::kill(server, SIGSTOP);
  std::promise<void> one_is_answered;
  std::once_flag once;
  const auto ask = [&] {
    auto answer = invoke("1,1\n");
    std::call_once(once, [&] { one_is_answered.set_value(); });
    return answer;
  };
  auto first = std::async(std::launch::async, ask), second = std::async(std::launch::async, ask);
  one_is_answered.get_future().wait();
  for (const pid_t server : model_servers(server_.directory())) ::kill(server, SIGCONT);
  const Result<Value> one = first.get(), other = second.get();
  ASSERT_NE(one.has_value(), other.has_value());
  const Result<Value>& refusal = one ? other : one;
  EXPECT_EQ(refusal.error().reason, "ThrottlingException");
}

TEST_F(ServingLifecycle, AnEndpointAnswersChangesAndGoes) {
  create_endpoint();
  expect_answer();
  const Value described = endpoint({"InService"});
  EXPECT_EQ(described["ProductionVariants"].as_array()[0]["CurrentInstanceCount"].int_or(0), 1);

  const auto bad = invoke("1,2,3\n");
  ASSERT_FALSE(bad);
  EXPECT_EQ(bad.error().reason, "ModelError");
  EXPECT_THAT(bad.error().message, HasSubstr("Received client error (400) from primary with message"));
  const auto none =
      refused("InvokeEndpoint", Value::object({{"EndpointName", "absent"}, {"Body", "1"}}), "sagemaker-runtime");
  EXPECT_EQ(none.reason, "ValidationError");
  EXPECT_EQ(none.message, "Endpoint absent of account 123456789012 not found.");

  // Answers all through an update.
  create_config("c2", "m");
  accepted("UpdateEndpoint", Value::object({{"EndpointName", "e"}, {"EndpointConfigName", "c2"}}));
  while (endpoint({"InService", "Updating", "Failed"})["EndpointStatus"].string_or() == "Updating") expect_answer();
  EXPECT_EQ(endpoint({"InService"})["EndpointConfigName"].string_or(), "c2");
  EXPECT_TRUE(server_.signals().reached([&] { return model_servers(server_.directory()).size() == 1; }));
  expect_answer();

  accepted("DeleteEndpoint", Value::object({{"EndpointName", "e"}}));
  EXPECT_EQ(
      refused("InvokeEndpoint", Value::object({{"EndpointName", "e"}, {"Body", "1"}}), "sagemaker-runtime").reason,
      "ValidationError");
  EXPECT_TRUE(is_gone("e"));
  const auto gone = refused("DescribeEndpoint", Value::object({{"EndpointName", "e"}}));
  EXPECT_EQ(gone.message, "Could not find endpoint \"arn:aws:sagemaker:us-east-1:123456789012:endpoint/e\".");
  EXPECT_TRUE(model_servers(server_.directory()).empty());
  accepted("CreateEndpoint", Value::object({{"EndpointName", "e"}, {"EndpointConfigName", "c"}}));  // the name is free
  EXPECT_EQ(endpoint({"InService", "Failed"})["EndpointStatus"].string_or(), "InService");
}

TEST_F(ServingLifecycle, AModelServerThatDiesIsReplaced) {
  only_servers_answer_ = true;
  create_endpoint();
  const auto before = model_servers(server_.directory());
  ASSERT_EQ(before.size(), 1u);
  ASSERT_EQ(::kill(before[0], SIGKILL), 0);
  // What reaches a server in the middle of its death is cut off and not sent twice; from its end on callers wait.
  ASSERT_TRUE(server_.signals().reached([&] { return ::kill(before[0], 0) != 0; }));
  expect_answer();
  const auto after = model_servers(server_.directory());
  ASSERT_EQ(after.size(), 1u);
  EXPECT_NE(after[0], before[0]);
}

TEST_F(ServingLifecycle, ABuiltInModelAnswersHereToo) {
  create_endpoint();
  const auto before = model_servers(server_.directory());
  // Its numbers arrive a moment after its first answer to /ping.
  const auto answered_here = [&] {
    for (const pid_t server : before) ::kill(server, SIGSTOP);
    auto call = std::async(std::launch::async, [&] { return invoke("1,1\n99,99\n").has_value(); });
    const bool at_once = call.wait_for(std::chrono::milliseconds(200)) == std::future_status::ready;
    for (const pid_t server : before) ::kill(server, SIGCONT);
    return call.get() && at_once;
  };
  EXPECT_TRUE(server_.signals().reached(answered_here));
  expect_answer();
  const auto bad = invoke("1,2,3\n");
  ASSERT_FALSE(bad);
  EXPECT_EQ(bad.error().reason, "ModelError");
  EXPECT_THAT(bad.error().message, HasSubstr("Record 1 has 3 features, but the model expects 2"));
}

// As many calls as it likes wait for a model that hangs: nobody else notices, and it is found and replaced.
TEST_F(ServingLifecycle, AHungModelServerIsReplaced) {
  only_servers_answer_ = true;
  create_endpoint();
  expect_answer();
  const auto before = model_servers(server_.directory());
  ASSERT_EQ(before.size(), 1u);
  ASSERT_EQ(::kill(before[0], SIGSTOP), 0);
  std::vector<std::future<std::string>> calls;
  for (int i = 0; i < 40; ++i) {
    calls.push_back(std::async(std::launch::async, [&] {
      const auto answer = invoke("1,1\n");
      return answer ? std::string("answered") : answer.error().reason;
    }));
  }
  while (model_servers(server_.directory()) == before) {
    const std::size_t seen = server_.signals().count();
    const auto asked = std::chrono::steady_clock::now();
    accepted("ListModels", Value::object());
    EXPECT_LT(std::chrono::steady_clock::now() - asked, std::chrono::seconds(2));
    server_.signals().wait_beyond(seen, std::chrono::steady_clock::now() + std::chrono::milliseconds(50));
  }
  std::map<std::string, int> outcomes;
  for (auto& call : calls) ++outcomes[call.get()];
  // Those that it had when it was killed are cut off; those that waited are answered by the next one.
  EXPECT_EQ(outcomes["ServiceUnavailable"], static_cast<int>(worker::kMaxInvocations));
  EXPECT_EQ(outcomes["answered"], 40 - static_cast<int>(worker::kMaxInvocations));
  expect_answer();
  EXPECT_EQ(endpoint({"InService", "Failed"})["EndpointStatus"].string_or(), "InService");
}

TEST_F(ServingLifecycle, AHungModelServerHoldsNeitherAStopNorADeletion) {
  create_endpoint();
  const auto before = model_servers(server_.directory());
  ASSERT_EQ(::kill(before.at(0), SIGSTOP), 0);
  const auto began = std::chrono::steady_clock::now();
  server_.crash();
  server_.start();
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(10));
  ASSERT_EQ(model_servers(server_.directory()), before);
  accepted("DeleteEndpoint", Value::object({{"EndpointName", "e"}}));
  EXPECT_TRUE(is_gone("e"));
  EXPECT_TRUE(model_servers(server_.directory()).empty());
}

TEST_F(ServingLifecycle, ARestartFindsTheModelServersAgain) {
  create_endpoint();
  const auto before = model_servers(server_.directory());
  server_.crash();
  EXPECT_EQ(model_servers(server_.directory()), before);
  server_.start();
  expect_answer();
  EXPECT_EQ(model_servers(server_.directory()), before);
  EXPECT_EQ(endpoint({"InService"})["EndpointConfigName"].string_or(), "c");
}

TEST_F(ServingLifecycle, AnImageThatCannotBeServedFailsTheEndpoint) {
  create_model("foreign", "registry/other:1");
  create_config("c", "foreign");
  accepted("CreateEndpoint", Value::object({{"EndpointName", "e"}, {"EndpointConfigName", "c"}}));
  const Value failed = endpoint({"InService", "Failed"});
  EXPECT_EQ(failed["EndpointStatus"].string_or(), "Failed");
  EXPECT_THAT(failed["FailureReason"].string_or(), HasSubstr("registry/other:1"));
  accepted("DeleteEndpoint", Value::object({{"EndpointName", "e"}}));

  const auto missing = refused(
      "CreateModel", Value::object({{"ModelName", "x"},
                                    {"ExecutionRoleArn", role_},
                                    {"PrimaryContainer",
                                     Value::object({{"Image", kKMeans}, {"ModelDataUrl", "s3://data/none.tar.gz"}})}}));
  EXPECT_EQ(missing.message, "Could not find model data at s3://data/none.tar.gz.");
  const auto config =
      refused("CreateEndpoint", Value::object({{"EndpointName", "e2"}, {"EndpointConfigName", "absent"}}));
  EXPECT_EQ(
      config.message,
      "Could not find endpoint configuration \"arn:aws:sagemaker:us-east-1:123456789012:endpoint-config/absent\".");
}

TEST_F(ServingLifecycle, ABatchGoesThroughTheModel) {
  create_model("m");
  accepted("CreateTransformJob", *parse_json(R"({
      "TransformJobName": "b", "ModelName": "m", "BatchStrategy": "MultiRecord",
      "TransformInput": {"DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://data/batch/in"}},
                         "ContentType": "text/csv", "SplitType": "Line"},
      "TransformOutput": {"S3OutputPath": "s3://data/result"},
      "TransformResources": {"InstanceType": "ml.m5.xlarge", "InstanceCount": 1}})"));
  const Value job = server_.wait_job("TransformJob", "b");
  ASSERT_EQ(job["TransformJobStatus"].string_or(), "Completed") << to_json(job);
  const auto result = server_.get("data", "result/points.csv.out");
  ASSERT_TRUE(result);
  EXPECT_THAT(*result, HasSubstr("closest_cluster"));
}

}  // namespace
}  // namespace millrace::sagemaker
