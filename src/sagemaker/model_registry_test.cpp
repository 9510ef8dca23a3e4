// The model registry and Search, over HTTP: what the SDK's Model.register does, and what people look for afterwards.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/json.h"
#include "sagemaker/test_server.h"

namespace millrace::sagemaker {
namespace {

using testing::HasSubstr;

class ModelRegistry : public testing::Test {
 protected:
  TestServer server_;
  std::string role_ = server_.make_role("job-role", TestServer::kAllowS3);

  Value accepted(const std::string& operation, const Value& input) {
    auto answer = server_.sagemaker(operation, input);
    EXPECT_TRUE(answer) << operation << ": " << answer.error().reason << ": " << answer.error().message;
    return answer ? *answer : Value();
  }
  Error refused(const std::string& operation, const Value& input) {
    auto answer = server_.sagemaker(operation, input);
    EXPECT_FALSE(answer) << to_json(*answer);
    return answer ? Error() : answer.error();
  }
  static Value group() { return Value::object({{"ModelPackageGroupName", "Group"}}); }
  static Value version(const std::string& token) {
    Value input = *parse_json(R"({"ModelPackageGroupName": "Group", "InferenceSpecification": {
        "Containers": [{"Image": "382416733822.dkr.ecr.us-east-1.amazonaws.com/kmeans:1",
                        "ModelDataUrl": "s3://data/model.tar.gz", "Environment": {"A": "1"}}],
        "SupportedContentTypes": ["text/csv"], "SupportedResponseMIMETypes": ["application/json"]}})");
    return input.set("ClientToken", token);
  }
};

TEST_F(ModelRegistry, VersionsAreCountedApprovedFoundAndDeployed) {
  EXPECT_EQ(accepted("ListModelPackageGroups", Value::object())["ModelPackageGroupSummaryList"].size(), 0u);
  EXPECT_THAT(refused("CreateModelPackage", version("first")).message, HasSubstr("does not exist."));
  accepted("CreateModelPackageGroup", group());
  EXPECT_EQ(refused("CreateModelPackageGroup", group()).reason, "ValidationException");

  const std::string one = accepted("CreateModelPackage", version("first"))["ModelPackageArn"].string_or();
  EXPECT_EQ(one, "arn:aws:sagemaker:us-east-1:123456789012:model-package/group/1");
  EXPECT_EQ(accepted("CreateModelPackage", version("first"))["ModelPackageArn"].string_or(), one);  // sent again
  const std::string two = accepted("CreateModelPackage", version("second"))["ModelPackageArn"].string_or();
  EXPECT_THAT(two, testing::EndsWith("/group/2"));

  Value described = accepted("DescribeModelPackage", Value::object({{"ModelPackageName", one}}));
  EXPECT_EQ(described["ModelApprovalStatus"].string_or(), "PendingManualApproval");
  EXPECT_EQ(described["ModelPackageVersion"].int_or(0), 1);
  EXPECT_EQ(described["ModelPackageStatus"].string_or(), "Completed");
  accepted("UpdateModelPackage", Value::object({{"ModelPackageArn", one},
                                                {"ModelApprovalStatus", "Approved"},
                                                {"CustomerMetadataProperties", Value::object({{"team", "blue"}})}}));
  described = accepted("DescribeModelPackage", Value::object({{"ModelPackageName", one}}));
  EXPECT_EQ(described["ModelApprovalStatus"].string_or(), "Approved");
  EXPECT_EQ(described["CustomerMetadataProperties"]["team"].string_or(), "blue");

  const auto keys = server_.service().condition_tags()(one);
  ASSERT_TRUE(keys);
  EXPECT_THAT(*keys, testing::ElementsAre(testing::Pair("sagemaker:CurrentCustomerMetadataProperties/team", "blue")));

  EXPECT_EQ(accepted("ListModelPackages", Value::object())["ModelPackageSummaryList"].size(), 0u);  // unversioned ones
  EXPECT_EQ(accepted("ListModelPackages", group())["ModelPackageSummaryList"].size(), 2u);
  const Value approved = accepted("ListModelPackages", group().set("ModelApprovalStatus", "Approved"));
  ASSERT_EQ(approved["ModelPackageSummaryList"].size(), 1u);
  EXPECT_EQ(approved["ModelPackageSummaryList"].items().front()["ModelPackageArn"].string_or(), one);
  Value page = accepted("ListModelPackages", group().set("MaxResults", 1));
  EXPECT_EQ(page["ModelPackageSummaryList"].size(), 1u);
  page = accepted("ListModelPackages", group().set("MaxResults", 1).set("NextToken", page["NextToken"]));
  EXPECT_EQ(page["ModelPackageSummaryList"].items().front()["ModelPackageVersion"].int_or(0), 2);
  EXPECT_FALSE(page.has("NextToken"));

  server_.make_bucket("data");
  server_.put("data", "model.tar.gz", "bytes");
  accepted("CreateModel", Value::object({{"ModelName", "m"},
                                         {"ExecutionRoleArn", role_},
                                         {"PrimaryContainer", Value::object({{"ModelPackageName", one}})}}));
  const Value model = accepted("DescribeModel", Value::object({{"ModelName", "m"}}));
  EXPECT_EQ(model["PrimaryContainer"]["ModelDataUrl"].string_or(), "s3://data/model.tar.gz");
  EXPECT_EQ(model["PrimaryContainer"]["Environment"]["A"].string_or(), "1");

  EXPECT_EQ(refused("DeleteModelPackageGroup", group()).reason, "ConflictException");
  for (const auto& arn : {one, two}) accepted("DeleteModelPackage", Value::object({{"ModelPackageName", arn}}));
  accepted("DeleteModelPackageGroup", group());
  EXPECT_THAT(refused("DescribeModelPackage", Value::object({{"ModelPackageName", one}})).message,
              HasSubstr("does not exist."));
}

TEST_F(ModelRegistry, SearchFindsByPropertiesAndTags) {
  for (const auto* name : {"a", "b", "c"}) {
    accepted("CreateModelPackageGroup",
             Value::object({{"ModelPackageGroupName", name},
                            {"Tags", Value::array({Value::object({{"Key", "owner"}, {"Value", name}})})}}));
  }
  Value request = *parse_json(R"({"Resource": "ModelPackageGroup", "SortBy": "ModelPackageGroupName",
      "SearchExpression": {"Filters": [{"Name": "Tags.owner", "Operator": "NotEquals", "Value": "b"}]}})");
  const Value found = accepted("Search", request);
  ASSERT_EQ(found["Results"].size(), 2u) << to_json(found);
  const Value& first = found["Results"].items().front()["ModelPackageGroup"];
  EXPECT_EQ(first["ModelPackageGroupName"].string_or(), "c");  // the last one first
  EXPECT_EQ(first["Tags"].items().front()["Value"].string_or(), "c");
  EXPECT_EQ(found["TotalHits"]["Value"].int_or(0), 2);

  const Value one = accepted("Search", request.set("MaxResults", 1));
  ASSERT_TRUE(one.has("NextToken"));
  const Value other = accepted("Search", request.set("NextToken", one["NextToken"]));
  EXPECT_EQ(other["Results"].items().front()["ModelPackageGroup"]["ModelPackageGroupName"].string_or(), "a");
  EXPECT_FALSE(other.has("NextToken"));
  EXPECT_EQ(refused("Search", request.set("SortOrder", "Ascending")).reason, "ValidationException");
  EXPECT_EQ(accepted("Search", Value::object({{"Resource", "Experiment"}}))["Results"].size(), 0u);
}

}  // namespace
}  // namespace millrace::sagemaker
