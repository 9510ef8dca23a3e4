#include <fmt/core.h>

#include "app/lab/assets.h"
#include "app/lab/steps.h"
#include "base/encode.h"

namespace millrace::app {
namespace {

constexpr std::string_view kUser = "kf-smuser";
constexpr std::string_view kSageMakerPolicy = "arn:aws:iam::aws:policy/AmazonSageMakerFullAccess";
constexpr std::string_view kS3Policy = "arn:aws:iam::aws:policy/AmazonS3FullAccess";
constexpr std::string_view kTrust =
    R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":["sagemaker.amazonaws.com","ec2.amazonaws.com"]},"Action":"sts:AssumeRole"}]})";
constexpr std::string_view kInvokePolicy =
    R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["sagemaker:InvokeEndpoint"],"Resource":"*"}]})";

// A lab that is run again on the same data directory finds what it made the first time.
Status unless_there(const Result<Value>& answer) {
  if (answer || answer.error().code == Code::already_exists || answer.error().reason == "EntityAlreadyExists" ||
      answer.error().reason == "BucketAlreadyOwnedByYou") {
    return {};
  }
  return fail(answer.error());
}

}  // namespace

Status create_user_and_secret(LabClient& client) {
  MR_TRY(unless_there(client.aws("iam", "CreateUser", Value::object({{"UserName", kUser}}))));
  MR_TRY(client.aws("iam", "AttachUserPolicy", Value::object({{"UserName", kUser}, {"PolicyArn", kSageMakerPolicy}})));
  // A user holds two keys at most; the keys of an earlier lab run are of no use to anybody any more.
  const Value old = MR_TRY(client.aws("iam", "ListAccessKeys", Value::object({{"UserName", kUser}})));
  for (const Value& key : old["AccessKeyMetadata"].items()) {
    MR_TRY(client.aws("iam", "DeleteAccessKey",
                      Value::object({{"UserName", kUser}, {"AccessKeyId", key["AccessKeyId"]}})));
  }
  const Value created = MR_TRY(client.aws("iam", "CreateAccessKey", Value::object({{"UserName", kUser}})));
  const Value& key = created["AccessKey"];
  const Value secret = Value::object(
      {{"apiVersion", "v1"},
       {"kind", "Secret"},
       {"metadata", Value::object({{"name", "aws-secret"}, {"namespace", "kubeflow"}})},
       {"type", "Opaque"},
       {"data", Value::object({{"AWS_ACCESS_KEY_ID", to_base64(key["AccessKeyId"].string_or())},
                               {"AWS_SECRET_ACCESS_KEY", to_base64(key["SecretAccessKey"].string_or())}})}});
  const auto posted = client.kubernetes("POST", "/api/v1/namespaces/kubeflow/secrets", secret);
  if (posted) return {};
  if (posted.error().code != Code::already_exists) return fail(posted.error());
  MR_TRY(client.kubernetes("PUT", "/api/v1/namespaces/kubeflow/secrets/aws-secret", secret));
  return {};
}

Result<std::string> prepare_worker_role(LabClient& client, const std::string& cluster_name) {
  const Value roles = MR_TRY(client.aws("iam", "ListRoles", Value::object()));
  std::string name, arn;
  for (const Value& role : roles["Roles"].items()) {
    const std::string candidate = role["RoleName"].string_or();
    if (candidate.starts_with("eksctl-" + cluster_name) && candidate.find("NodeInstanceRole") != std::string::npos) {
      name = candidate;
      arn = role["Arn"].string_or();
    }
  }
  if (name.empty())
    return fail(Code::not_found, fmt::format("no worker node role of the cluster {} exists", cluster_name));
  MR_TRY(client.aws("iam", "UpdateAssumeRolePolicy", Value::object({{"RoleName", name}, {"PolicyDocument", kTrust}})));
  for (const std::string_view policy : {kSageMakerPolicy, kS3Policy}) {
    MR_TRY(client.aws("iam", "AttachRolePolicy", Value::object({{"RoleName", name}, {"PolicyArn", policy}})));
  }
  MR_TRY(client.aws(
      "iam", "PutRolePolicy",
      Value::object(
          {{"RoleName", name}, {"PolicyName", "sagemaker-invoke-for-worker"}, {"PolicyDocument", kInvokePolicy}})));
  return arn;
}

Result<std::string> upload_code(LabClient& client) {
  const Value identity = MR_TRY(client.aws("sts", "GetCallerIdentity", Value::object()));
  const std::string bucket = fmt::format("sagemaker-{}-{}", client.region, identity["Account"].string_or());
  Value create = Value::object({{"Bucket", bucket}});
  // S3 wants the region named everywhere but in us-east-1.
  if (client.region != "us-east-1") {
    create.set("CreateBucketConfiguration", Value::object({{"LocationConstraint", client.region}}));
  }
  MR_TRY(unless_there(client.aws("s3", "CreateBucket", create)));
  MR_TRY(client.aws("s3", "PutObject",
                    Value::object({{"Bucket", bucket},
                                   {"Key", "mnist_kmeans_example/processing_code/kmeans_preprocessing.py"},
                                   {"Body", lab_asset("kmeans_preprocessing.py")}})));
  return bucket;
}

}  // namespace millrace::app
