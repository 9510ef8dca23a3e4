#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "base/mutex.h"
#include "kube/aws_resources/conditions.h"
#include "kube/aws_resources/field_names.h"
#include "kube/aws_resources/reconcile.h"
#include "kube/aws_resources/resource_schema.h"
#include "kube/kube_fixture.h"
#include "kube/schema.h"

namespace millrace::kube {
namespace {

using ::testing::HasSubstr;

// A service that has named things with a status, and refuses the operations that a test names.
class FakeService final : public AwsApi {
 public:
  Result<Value> call(std::string_view, std::string_view operation, const Value& input) override {
    const MutexLock lock(mutex_);
    calls_.emplace_back(operation);
    last_input_ = input;
    if (refusal_ && operation.starts_with(refused_)) return fail(*refusal_);
    if (operation.starts_with("Create")) {
      described_ = input;
      described_.set("TrainingJobArn", "arn:aws:sagemaker:us-east-1:123456789012:training-job/j");
      described_.set("EndpointArn", "arn:aws:sagemaker:us-east-1:123456789012:endpoint/e");
      described_.set("TrainingJobStatus", "InProgress").set("SecondaryStatus", "Starting");
      described_.set("EndpointStatus", "Creating").set("CreationTime", 1'700'000'000.5);
      there_ = true;
      return Value::object();
    }
    if (!there_) return fail(Code::invalid_argument, "Requested resource not found.", "ValidationException");
    if (operation.starts_with("Stop")) described_.set("TrainingJobStatus", "Stopping");
    if (operation.starts_with("Update")) {
      described_.set("EndpointConfigName", input.at("EndpointConfigName")).set("EndpointStatus", "Updating");
    }
    if (operation.starts_with("Delete")) there_ = false;
    return operation.starts_with("Describe") ? described_ : Value::object();
  }
  std::string account() const override { return "123456789012"; }
  std::string region() const override { return "us-east-1"; }

  void refuse(std::string operation, Error error) {
    const MutexLock lock(mutex_);
    refused_ = std::move(operation), refusal_ = std::move(error);
  }
  void accept() {
    const MutexLock lock(mutex_);
    refusal_.reset();
  }
  void become(const char* member, const char* word) {
    const MutexLock lock(mutex_);
    described_.set(member, word);
  }
  std::vector<std::string> take_calls() {
    const MutexLock lock(mutex_);
    return std::exchange(calls_, {});
  }
  Value last_input() {
    const MutexLock lock(mutex_);
    return last_input_;
  }

 private:
  Mutex mutex_;
  std::vector<std::string> calls_ MR_GUARDED_BY(mutex_);
  Value described_ MR_GUARDED_BY(mutex_), last_input_ MR_GUARDED_BY(mutex_);
  bool there_ MR_GUARDED_BY(mutex_) = false;
  std::string refused_ MR_GUARDED_BY(mutex_);
  std::optional<Error> refusal_ MR_GUARDED_BY(mutex_);
};

constexpr const char* kJobs = "/apis/sagemaker.services.k8s.aws/v1alpha1/namespaces/kubeflow/trainingjobs";

std::string job_json(const std::string& spec_more = "", const std::string& more = "") {
  return R"({"apiVersion":"sagemaker.services.k8s.aws/v1alpha1","kind":"TrainingJob","metadata":{"name":"j"},"spec":{
    "trainingJobName":"job-1","roleARN":"arn:aws:iam::123456789012:role/r",
    "algorithmSpecification":{"trainingImage":"kmeans","trainingInputMode":"File"},
    "outputDataConfig":{"s3OutputPath":"s3://b/o","kmsKeyID":"k"},
    "hyperParameters":{"k":"10"},
    "resourceConfig":{"instanceCount":1,"instanceType":"ml.m5.large","volumeSizeInGB":5},
    "stoppingCondition":{"maxRuntimeInSeconds":60})" +
         spec_more + "}" + more + "}";
}

TEST(FieldNames, AreThoseOfThePublishedDefinitions) {
  const std::pair<const char*, const char*> cases[] = {
      {"TrainingJobName", "trainingJobName"},
      {"RoleArn", "roleARN"},
      {"S3Uri", "s3URI"},
      {"KmsKeyId", "kmsKeyID"},
      {"VolumeSizeInGB", "volumeSizeInGB"},
      {"VpcConfig", "vpcConfig"},
      {"SecurityGroupIds", "securityGroupIDs"},
      {"TransformAmiVersion", "transformAMIVersion"},
      {"Type", "type_"},
      {"ModelDataUrl", "modelDataURL"},
      {"FSxLustre", "fSxLustre"},
      {"HyperParameters", "hyperParameters"},
      {"MaxRuntimeInSeconds", "maxRuntimeInSeconds"},
      {"DestinationS3Uri", "destinationS3URI"},
  };
  for (const auto& [member, field] : cases) EXPECT_EQ(resource_field(member), field) << member;
}

TEST(ResourceSchemas, SayWhatASpecNeeds) {
  const Value& job = definition("aws.k8s.services.sagemaker.v1alpha1.TrainingJob").at("properties");
  EXPECT_EQ(
      to_json(job.at("spec").at("required")),
      R"(["algorithmSpecification","outputDataConfig","resourceConfig","roleARN","stoppingCondition","trainingJobName"])");
  const Value& resources = job.at("spec").at("properties").at("resourceConfig").at("properties");
  EXPECT_EQ(to_json(resources.at("instanceCount")), R"({"type":"integer","format":"int64"})");
  EXPECT_EQ(to_json(job.at("status").at("properties").at("creationTime")), R"({"type":"string","format":"date-time"})");
}

TEST(ResourceSchemas, TranslateThereAndBack) {
  const aws::Shape& shape = *aws::service_model("sagemaker").operation("CreateTrainingJob")->input;
  const Value spec = parse_json(job_json())->at("spec");
  const Value request = from_resource(shape, spec);
  EXPECT_EQ(request.at("OutputDataConfig").at("KmsKeyId"), Value("k"));
  EXPECT_EQ(request.at("HyperParameters").at("k"), Value("10"));
  EXPECT_EQ(to_resource(shape, request), spec);
}

class CustomResources : public KubeTest {
 protected:
  CustomResources() : store_(*database_, std::string(32, 'k')) { EXPECT_TRUE(store_.open()); }
  Next reconcile_job() {
    return reconcile({store_, clock_, service_}, *find_aws_kind("trainingjobs.sagemaker.services.k8s.aws"),
                     {"trainingjobs.sagemaker.services.k8s.aws", "kubeflow", "j"})
        .next;
  }
  Value job() { return expect(200, send("GET", std::string(kJobs) + "/j")); }
  std::string condition(const Value& object, std::string_view type) {
    for (const Value& each : object.at("status").at("conditions").items()) {
      if (each.at("type").string_or() == type)
        return each.at("status").string_or() + " " + each.at("message").string_or();
    }
    return "none";
  }
  Store store_;
  FakeService service_;
};

TEST_F(CustomResources, AreMadeFollowedAndStopped) {
  expect(201, send("POST", kJobs, job_json()));
  EXPECT_EQ(reconcile_job(), Next::look);
  EXPECT_EQ(service_.take_calls(),
            (std::vector<std::string>{"DescribeTrainingJob", "CreateTrainingJob", "DescribeTrainingJob"}));
  Value object = job();
  EXPECT_EQ(to_json(object.at("metadata").at("finalizers")),
            R"(["finalizers.sagemaker.services.k8s.aws/TrainingJob"])");
  EXPECT_EQ(object.at("status").at("trainingJobStatus"), Value("InProgress"));
  EXPECT_EQ(object.at("status").at("creationTime"), Value("2023-11-14T22:13:20Z"));
  EXPECT_EQ(object.at("status").at("ackResourceMetadata").at("arn"),
            Value("arn:aws:sagemaker:us-east-1:123456789012:training-job/j"));
  EXPECT_EQ(condition(object, "ACK.ResourceSynced"), "False TrainingJob is in InProgress status.");

  const Value table = expect(200, send("GET", kJobs, "", "", "application/json;as=Table;v=v1;g=meta.k8s.io"));
  EXPECT_EQ(to_json(table.at("rows").items().front().at("cells")), R"(["j","","Starting","InProgress"])");

  expect(200, send("DELETE", std::string(kJobs) + "/j"));
  EXPECT_EQ(reconcile_job(), Next::look);
  EXPECT_EQ(job().at("status").at("trainingJobStatus"), Value("Stopping"));
  service_.become("TrainingJobStatus", "Stopped");
  EXPECT_EQ(reconcile_job(), Next::nothing);
  expect(404, send("GET", std::string(kJobs) + "/j"));
}

TEST_F(CustomResources, SayThatTheServiceIsDone) {
  expect(201, send("POST", kJobs, job_json()));
  reconcile_job();
  service_.become("TrainingJobStatus", "Completed");
  const std::string before = job().at("metadata").at("resourceVersion").string_or();
  EXPECT_EQ(reconcile_job(), Next::nothing);
  const Value object = job();
  EXPECT_EQ(condition(object, "ACK.ResourceSynced"), "True TrainingJob is in Completed status.");
  EXPECT_EQ(condition(object, "Ready"), "True TrainingJob is in Completed status.");
  EXPECT_NE(object.at("metadata").at("resourceVersion").string_or(), before);
  EXPECT_EQ(object.at("metadata").at("generation"), Value(1));
  reconcile_job();
  EXPECT_EQ(job(), object) << "nothing new, no new version";
}

TEST_F(CustomResources, SayWhatTheServiceRefuses) {
  expect(201, send("POST", kJobs, job_json()));
  service_.refuse("Create", Error(Code::permission_denied, "not authorized", "AccessDeniedException"));
  EXPECT_EQ(reconcile_job(), Next::retry);
  EXPECT_EQ(condition(job(), "ACK.Recoverable"), "True api error AccessDeniedException: not authorized");
  EXPECT_THAT(condition(job(), "ACK.ResourceSynced"), HasSubstr("Unknown "));
  EXPECT_FALSE(job().at("metadata").has("finalizers")) << "there is nothing to delete";
  service_.refuse("Create", Error(Code::already_exists, "names must be unique", "ResourceInUse"));
  EXPECT_EQ(reconcile_job(), Next::nothing);
  EXPECT_EQ(condition(job(), "ACK.Terminal"), "True ResourceInUse: names must be unique");
  EXPECT_EQ(condition(job(), "ACK.Recoverable"), "False ");
  service_.accept();
  EXPECT_EQ(reconcile_job(), Next::look);
  EXPECT_EQ(condition(job(), "ACK.Terminal"), "False ");
}

TEST_F(CustomResources, StayManagedWhenNobodyKnowsWhetherTheyWereMade) {
  expect(201, send("POST", kJobs, job_json()));
  service_.refuse("Create", Error(Code::unavailable, "no answer"));
  EXPECT_EQ(reconcile_job(), Next::retry);
  EXPECT_TRUE(job().at("metadata").has("finalizers"));
}

TEST_F(CustomResources, CannotChangeWhatAJobWasMadeWith) {
  expect(201, send("POST", kJobs, job_json()));
  reconcile_job();
  const char* patch = R"({"spec":{"hyperParameters":{"k":"11"}}})";
  const Value changed = expect(200, send("PATCH", std::string(kJobs) + "/j", patch, "application/merge-patch+json"));
  EXPECT_EQ(changed.at("metadata").at("generation"), Value(2));
  EXPECT_EQ(reconcile_job(), Next::nothing);
  EXPECT_THAT(condition(job(), "ACK.Terminal"), HasSubstr("True not implemented"));
  send("PATCH", std::string(kJobs) + "/j", R"({"spec":{"hyperParameters":{"k":"10"}}})",
       "application/merge-patch+json");
  EXPECT_EQ(reconcile_job(), Next::look);
  EXPECT_EQ(condition(job(), "ACK.Terminal"), "False ");
}

TEST_F(CustomResources, OfOthersAreLeftAlone) {
  service_.call("sagemaker", "CreateTrainingJob", Value::object()).value();
  expect(201, send("POST", kJobs, job_json()));
  EXPECT_EQ(reconcile_job(), Next::nothing);
  EXPECT_EQ(condition(job(), "ACK.Terminal"), "True Resource already exists");
  expect(200, send("DELETE", std::string(kJobs) + "/j"));
  EXPECT_EQ(reconcile_job(), Next::nothing);
  EXPECT_THAT(service_.take_calls(), ::testing::Not(::testing::Contains("StopTrainingJob")));
}

TEST_F(CustomResources, ChangeAnEndpointsConfiguration) {
  const std::string all = "/apis/sagemaker.services.k8s.aws/v1alpha1/namespaces/kubeflow/endpoints";
  const ObjectName name{"endpoints.sagemaker.services.k8s.aws", "kubeflow", "e"};
  const auto look = [&] { return reconcile({store_, clock_, service_}, *find_aws_kind(name.resource), name).next; };
  service_.refuse("Describe", Error(Code::invalid_argument, "Could not find endpoint \"x\".", "ValidationException"));
  expect(201, send("POST", all,
                   R"({"apiVersion":"sagemaker.services.k8s.aws/v1alpha1","kind":"Endpoint","metadata":{"name":"e"},
                       "spec":{"endpointName":"e","endpointConfigName":"one"}})"));
  look();
  service_.accept();
  EXPECT_EQ(look(), Next::look);
  service_.become("EndpointStatus", "InService");
  send("PATCH", all + "/e", R"({"spec":{"endpointConfigName":"two"}})", "application/merge-patch+json");
  EXPECT_EQ(look(), Next::look);
  EXPECT_THAT(service_.take_calls(), ::testing::Contains("UpdateEndpoint"));
  // The update failed: it is not tried again and again.
  service_.become("EndpointStatus", "InService");
  service_.become("EndpointConfigName", "one");
  service_.become("FailureReason", "the model cannot be loaded");
  EXPECT_EQ(look(), Next::nothing);
  EXPECT_THAT(service_.take_calls(), ::testing::Not(::testing::Contains("UpdateEndpoint")));
  EXPECT_THAT(condition(expect(200, send("GET", all + "/e")), "ACK.Terminal"),
              HasSubstr("latest EndpointConfigName is one"));
}

TEST_F(CustomResources, AreCheckedByTheirSchema) {
  const std::string strict = std::string(kJobs) + "?fieldValidation=Strict";
  EXPECT_THAT(expect(400, send("POST", strict, job_json(R"(,"hyperParams":{})"))).at("message").string_or(),
              HasSubstr("unknown field \"spec.hyperParams\""));
  const net::Response warned = send("POST", std::string(kJobs) + "?dryRun=All", job_json(R"(,"hyperParams":{})"));
  EXPECT_FALSE(expect(201, warned).at("spec").has("hyperParams"));
  EXPECT_THAT(std::string(warned.headers.get("Warning")), HasSubstr("spec.hyperParams"));
  const Value wrong = expect(422, send("POST", kJobs, job_json(R"(,"enableNetworkIsolation":"yes")")));
  EXPECT_THAT(wrong.at("message").string_or(),
              HasSubstr("spec.enableNetworkIsolation in body must be of type boolean: \"string\""));
  std::string lacking = job_json();
  lacking.replace(lacking.find("\"roleARN\""), 9, "\"roleXXX\"");
  EXPECT_THAT(expect(422, send("POST", kJobs, lacking)).at("message").string_or(),
              HasSubstr("spec.roleARN: Required value"));
}

TEST_F(CustomResources, HaveAStatusOfTheirOwn) {
  const Value made = expect(201, send("POST", kJobs, job_json("", R"(,"status":{"trainingJobStatus":"x"})")));
  EXPECT_FALSE(made.has("status")) << "who makes one does not set its status";
  const std::string status = std::string(kJobs) + "/j/status";
  const char* both = R"({"spec":{"hyperParameters":{"k":"11"}},"status":{"trainingJobStatus":"Completed"}})";
  const Value patched = expect(200, send("PATCH", status, both, "application/merge-patch+json"));
  EXPECT_EQ(patched.at("status").at("trainingJobStatus"), Value("Completed"));
  EXPECT_EQ(patched.at("spec").at("hyperParameters").at("k"), Value("10"));
  EXPECT_EQ(patched.at("metadata").at("generation"), Value(1));
  const Value main = expect(200, send("PATCH", std::string(kJobs) + "/j", both, "application/merge-patch+json"));
  EXPECT_EQ(main.at("spec").at("hyperParameters").at("k"), Value("11"));
  EXPECT_EQ(main.at("metadata").at("generation"), Value(2));
  expect(415, send("PATCH", std::string(kJobs) + "/j", both, "application/strategic-merge-patch+json"));
  EXPECT_EQ(expect(200, send("GET", status)), main);
}

TEST_F(CustomResources, HoldTheirNamespace) {
  const std::string jobs = "/apis/sagemaker.services.k8s.aws/v1alpha1/namespaces/team/trainingjobs";
  expect(201, send("POST", "/api/v1/namespaces", R"({"metadata":{"name":"team"}})"));
  expect(201, send("POST", jobs, job_json()));
  const ObjectName name{"trainingjobs.sagemaker.services.k8s.aws", "team", "j"};
  const auto look = [&] { return reconcile({store_, clock_, service_}, *find_aws_kind(name.resource), name).next; };
  look();
  const Value ending = expect(200, send("DELETE", "/api/v1/namespaces/team"));
  EXPECT_EQ(ending.at("status").at("phase"), Value("Terminating"));
  EXPECT_THAT(expect(403, send("POST", "/api/v1/namespaces/team/secrets", secret_json("s"))).at("message").string_or(),
              HasSubstr("because it is being terminated"));
  EXPECT_EQ(look(), Next::look);
  service_.become("TrainingJobStatus", "Stopped");
  look();
  expect(404, send("GET", "/api/v1/namespaces/team"));
}

// Through the thread, from the write to the status that follows from the service's word.
TEST_F(CustomResources, AreLookedAtOnceTheyChange) {
  kube_->start_controllers(service_);
  expect(201, send("POST", kJobs, job_json()));
  const auto wait_for = [&](const char* word) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (job().at("status").at("trainingJobStatus").string_or() != word) {
      ASSERT_LT(std::chrono::steady_clock::now(), deadline) << word;
      std::this_thread::yield();
    }
  };
  wait_for("InProgress");
  service_.become("TrainingJobStatus", "Completed");
  kube_->note_aws_change();
  wait_for("Completed");
  kube_->stop_controllers();
}

}  // namespace
}  // namespace millrace::kube
