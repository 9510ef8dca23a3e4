#include "iam/least_privilege.h"

#include <gtest/gtest.h>

#include "base/json.h"

namespace millrace::iam {
namespace {

const std::string kRole = "arn:aws:iam::123456789012:role/r", kUser = "arn:aws:iam::123456789012:user/u";

TEST(LeastPrivilege, WhatChangesFromRunToRunIsNotInThePolicy) {
  const std::pair<const char*, const char*> rows[] = {
      {"*", "*"},
      {"arn:aws:sagemaker:us-east-1:123456789012:training-job/trainingjob-20260102030405-7gx2",
       "arn:aws:sagemaker:us-east-1:123456789012:training-job/trainingjob-*"},
      {"arn:aws:sagemaker:us-east-1:123456789012:training-job/mine", nullptr},
      {"arn:aws:sagemaker:us-east-1:123456789012:endpoint/endpoint20260102030405-7gx2",
       "arn:aws:sagemaker:us-east-1:123456789012:endpoint/endpoint*"},
      {"arn:aws:s3:::b/out/v2026010203040/output", "arn:aws:s3:::b/out/v2026010203040/output"},
      {"arn:aws:s3:::b/out/TrainingJob-20260102030405-7GX2/output/model.tar.gz",
       "arn:aws:s3:::b/out/TrainingJob-*/output/model.tar.gz"},
      {"arn:aws:s3:::b/runs/0f6a3c1e-1b2c-4d5e-8f90-123456789abc/x", "arn:aws:s3:::b/runs/*/x"},
      {"arn:aws:s3:::b/1767225600.csv", "arn:aws:s3:::b/*"},
      {"arn:aws:s3:::sagemaker-us-east-1-123456789012/x", nullptr},
      {"arn:aws:s3:::b/part-0001.csv", nullptr},
      {"arn:aws:s3:::b/deadbeefcafe/x", nullptr},  // letters alone: a word
      {"arn:aws:logs:us-east-1:123456789012:log-group:/aws/sagemaker/TransformJobs:log-stream:B-20260102030405-A1/"
       "i-32be966724469e08b",
       "arn:aws:logs:us-east-1:123456789012:log-group:/aws/sagemaker/TransformJobs:log-stream:B-*/i-*"},
      {"arn:aws:iam::123456789012:role/node-20260102030405", nullptr},
  };
  for (const auto& [resource, wanted] : rows) EXPECT_EQ(without_run(resource), wanted ? wanted : resource);
}

TEST(LeastPrivilege, ActionsOfTheSameResourcesShareAStatement) {
  const auto policies = smallest_policies({
      {kUser, "sagemaker:CreateTrainingJob", "arn:aws:sagemaker:us-east-1:1:training-job/j-20260102030405-A", ""},
      {kUser, "sagemaker:DescribeTrainingJob", "arn:aws:sagemaker:us-east-1:1:training-job/j-20260102030405-A", ""},
      {kUser, "sagemaker:CreateTrainingJob", "arn:aws:sagemaker:us-east-1:1:training-job/j-20260102030406-B", ""},
      {kUser, "sagemaker:DescribeTrainingJob", "arn:aws:sagemaker:us-east-1:1:training-job/j-20260102030406-B", ""},
      {kUser, "iam:PassRole", kRole, "sagemaker.amazonaws.com"},
      {kRole, "s3:GetObject", "arn:aws:s3:::b/k", ""},
  });
  ASSERT_EQ(policies.size(), 2u);
  EXPECT_EQ(policies[0].principal, kRole);
  EXPECT_EQ(to_json(policies[0].document),
            R"({"Version":"2012-10-17","Statement":[{"Sid":"S31","Effect":"Allow","Action":"s3:GetObject",)"
            R"("Resource":"arn:aws:s3:::b/k"}]})");
  EXPECT_EQ(
      to_json(policies[1].document["Statement"]),
      R"([{"Sid":"Iam1","Effect":"Allow","Action":"iam:PassRole","Resource":"arn:aws:iam::123456789012:role/r",)"
      R"("Condition":{"StringEquals":{"iam:PassedToService":"sagemaker.amazonaws.com"}}},)"
      R"({"Sid":"Sagemaker1","Effect":"Allow","Action":["sagemaker:CreateTrainingJob","sagemaker:DescribeTrainingJob"],)"
      R"("Resource":"arn:aws:sagemaker:us-east-1:1:training-job/j-*"}])");
  EXPECT_EQ(policies[0].bytes, to_json(policies[0].document).size());
}

TEST(LeastPrivilege, ManyObjectsOfAFolderBecomeTheFolder) {
  for (const std::size_t count : {kMostNamesOfFolder, kMostNamesOfFolder + 1}) {
    std::vector<UsedPermission> used = {{kRole, "s3:GetObject", "arn:aws:s3:::b/other/x", ""}};
    for (std::size_t i = 0; i < count; ++i)
      used.push_back({kRole, "s3:GetObject", "arn:aws:s3:::b/data/part-" + std::to_string(i), ""});
    const auto policies = smallest_policies(used);
    ASSERT_EQ(policies.size(), 1u);
    const Value& resources = policies[0].document["Statement"].items()[0]["Resource"];
    EXPECT_EQ(resources.size(), count == kMostNamesOfFolder ? count + 1 : 2u) << to_json(resources);
  }
}

}  // namespace
}  // namespace millrace::iam
