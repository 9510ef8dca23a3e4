#include "components/resource_fields.h"

#include <gtest/gtest.h>

#include "base/json.h"
#include "base/time.h"
#include "components/resource_status.h"

namespace millrace::components {
namespace {

Pruned prune_spec(const char* kind, const char* spec) {
  return prune(resource_fields(kind, "spec"), *parse_json(spec), "spec");
}

TEST(ResourceFields, BecomeMembersOfTheApi) {
  const Pruned pruned = prune_spec("TrainingJob", R"({"trainingJobName": "j", "roleARN": "r",
      "algorithmSpecification": {"trainingInputMode": "File", "trainingImage": "i"},
      "hyperParameters": {"roleARN": "kept as it is"},
      "outputDataConfig": {"s3OutputPath": "s3://b", "kmsKeyID": "k"},
      "resourceConfig": {"instanceCount": 1, "volumeKMSKeyID": "v"}, "stoppingCondition": {"maxRuntimeInSeconds": 5},
      "vpcConfig": {"securityGroupIDs": ["sg"], "subnets": ["s"]}})");
  EXPECT_TRUE(pruned.faults.empty());
  EXPECT_TRUE(pruned.dropped.empty());
  const Value request = to_api(resource_fields("TrainingJob", "spec"), pruned.value);
  EXPECT_EQ(request, *parse_json(R"({"TrainingJobName": "j", "RoleArn": "r",
      "AlgorithmSpecification": {"TrainingInputMode": "File", "TrainingImage": "i"},
      "HyperParameters": {"roleARN": "kept as it is"},
      "OutputDataConfig": {"S3OutputPath": "s3://b", "KmsKeyId": "k"},
      "ResourceConfig": {"InstanceCount": 1, "VolumeKmsKeyId": "v"}, "StoppingCondition": {"MaxRuntimeInSeconds": 5},
      "VpcConfig": {"SecurityGroupIds": ["sg"], "Subnets": ["s"]}})"));
}

TEST(ResourceFields, AreDroppedWithASentenceWhenUnknown) {
  const Pruned pruned = prune_spec("Endpoint", R"({"endpointName": "e", "endpointConfigName": "c", "colour": "red",
      "deploymentConfig": {"blueGreenUpdatePolicy": {"trafficRoutingConfiguration": {"type": "CANARY"}}}})");
  EXPECT_TRUE(pruned.faults.empty());
  ASSERT_EQ(pruned.dropped.size(), 2u);
  EXPECT_EQ(pruned.dropped[0], "spec.colour is no field of the resource and is dropped.");
  EXPECT_EQ(pruned.dropped[1],
            "spec.deploymentConfig.blueGreenUpdatePolicy.trafficRoutingConfiguration.type is no field of the resource "
            "and is dropped; the field is type_.");
  EXPECT_FALSE(pruned.value.has("colour"));
}

TEST(ResourceFields, AreRefusedByTypeAndByAbsence) {
  const Pruned pruned = prune_spec("TrainingJob", R"({"trainingJobName": 7, "hyperParameters": {"k": 10}})");
  const auto& faults = pruned.faults;
  ASSERT_GE(faults.size(), 3u);
  EXPECT_EQ(faults[0],
            "spec.trainingJobName: Invalid value: \"integer\": spec.trainingJobName in body must be of type string: "
            "\"integer\"");
  EXPECT_EQ(
      faults[1],
      "spec.hyperParameters.k: Invalid value: \"integer\": spec.hyperParameters.k in body must be of type string: "
      "\"integer\"");
  EXPECT_EQ(faults[2], "spec.algorithmSpecification: Required value");
}

TEST(ResourceStatus, IsAsTheControllerKeepsIt) {
  const Value described = *parse_json(R"({"EndpointArn": "arn:aws:sagemaker:us-east-1:123456789012:endpoint/e",
      "EndpointStatus": "InService", "CreationTime": 1767323045.25, "EndpointName": "e",
      "ProductionVariants": [{"VariantName": "v", "CurrentWeight": 1.0, "DesiredWeight": 0.5}]})");
  const Time now = from_epoch_ms(1'767'323'105'000);
  EXPECT_EQ(resource_status({"Endpoint", "EndpointStatus"}, described, "us-east-1", now), *parse_json(R"({
      "ackResourceMetadata": {"arn": "arn:aws:sagemaker:us-east-1:123456789012:endpoint/e",
                              "ownerAccountID": "123456789012", "partition": "aws", "region": "us-east-1"},
      "conditions": [{"lastTransitionTime": "2026-01-02T03:05:05Z", "message": "Endpoint is in InService status.",
                      "status": "True", "type": "ACK.ResourceSynced"},
                     {"lastTransitionTime": "2026-01-02T03:05:05Z", "message": "Endpoint is in InService status.",
                      "status": "True", "type": "Ready"}],
      "creationTime": "2026-01-02T03:04:05Z", "endpointStatus": "InService",
      "productionVariants": [{"currentWeight": 1, "desiredWeight": 0.5, "variantName": "v"}]})"));
}

TEST(ResourceStatus, WaitsForRules) {
  const auto rules = [](const char* state, const char* profiling) {
    return *parse_json(
        std::string(R"({"ProfilingStatus": ")") + profiling +
        R"(", "ProfilerRuleEvaluationStatuses": [{"RuleConfigurationName": "r", "RuleEvaluationStatus": ")" + state +
        "\"}]}");
  };
  EXPECT_FALSE(rules_have_ended(rules("InProgress", "Enabled")));
  EXPECT_TRUE(rules_have_ended(rules("InProgress", "Disabled")));
  EXPECT_TRUE(rules_have_ended(rules("NoIssuesFound", "Enabled")));
  EXPECT_EQ(failed_rule(rules("IssuesFound", "Enabled")), "The rule r ended with IssuesFound.");
  EXPECT_EQ(failed_rule(rules("NoIssuesFound", "Enabled")), "");
}

}  // namespace
}  // namespace millrace::components
