#include "sagemaker/role_access.h"

#include <fmt/core.h>

#include "base/strings.h"
#include "s3/s3.h"

namespace millrace::sagemaker {
namespace {

class Accesses {
 public:
  explicit Accesses(std::string role) : role_(std::move(role)) {}

  void list_and_read(const std::string& uri, const std::string& what) {
    const auto parsed = s3::parse_uri(uri);
    if (!parsed) return;
    const std::string bucket = "arn:aws:s3:::" + parsed->bucket;
    add({"s3:ListBucket", bucket, {{"s3:prefix", {parsed->key}}}}, fmt::format("lists {} at {}", what, uri));
    add({"s3:GetObject", bucket + "/" + parsed->key, {}}, fmt::format("reads {} from {}", what, uri));
  }
  void read(const std::string& uri, const std::string& what) {
    const auto parsed = s3::parse_uri(uri);
    if (!parsed) return;
    add({"s3:GetObject", fmt::format("arn:aws:s3:::{}/{}", parsed->bucket, parsed->key), {}},
        fmt::format("reads {} from {}", what, uri));
  }
  // `below`: what the job's own objects are called under the address.
  void write(const std::string& uri, const std::string& below, const std::string& what) {
    const auto parsed = s3::parse_uri(uri);
    if (!parsed) return;
    std::string key = parsed->key;
    if (!key.empty() && !key.ends_with('/')) key += '/';
    add({"s3:PutObject",
         fmt::format("arn:aws:s3:::{}/{}{}", parsed->bucket, key, below),
         {{"s3:ObjectCreationOperation", {"true"}}}},
        fmt::format("writes {} to {}", what, uri));
  }
  std::vector<RoleAccess> take() { return std::move(all_); }

 private:
  void add(aws::Check check, std::string why) {
    if (!role_.empty()) all_.push_back({role_, std::move(check), std::move(why)});
  }
  std::string role_;
  std::vector<RoleAccess> all_;
};

void source(Accesses& accesses, const Value& s3, const std::string& what) {
  const std::string uri = s3["S3Uri"].string_or();
  if (s3["S3DataType"].string_or() == "ManifestFile")
    accesses.read(uri, what);
  else
    accesses.list_and_read(uri, what);
}

void training(Accesses& accesses, const Value& definition, const std::string& job) {
  for (const Value& channel : definition["InputDataConfig"].items())
    source(accesses, channel["DataSource"]["S3DataSource"],
           fmt::format("the channel \"{}\"", channel["ChannelName"].string_or()));
  const std::string uri = definition["OutputDataConfig"]["S3OutputPath"].string_or();
  accesses.write(uri, job + "/output/model.tar.gz", "the model");
}

}  // namespace

std::string role_of(std::string_view operation, const Value& request) {
  if (operation == "CreateHyperParameterTuningJob") return request["TrainingJobDefinition"]["RoleArn"].string_or();
  if (operation == "CreateModel") return request["ExecutionRoleArn"].string_or();
  if (operation == "CreateTrainingJob" || operation == "CreateProcessingJob") return request["RoleArn"].string_or();
  return {};
}

std::vector<RoleAccess> role_access(std::string_view operation, const Value& request, const Value& model) {
  Accesses accesses(operation == "CreateTransformJob" ? model["ExecutionRoleArn"].string_or()
                                                      : role_of(operation, request));
  if (operation == "CreateTrainingJob") {
    training(accesses, request, request["TrainingJobName"].string_or());
  } else if (operation == "CreateHyperParameterTuningJob") {
    training(accesses, request["TrainingJobDefinition"], request["HyperParameterTuningJobName"].string_or() + "-001");
  } else if (operation == "CreateProcessingJob") {
    for (const Value& input : request["ProcessingInputs"].items())
      source(accesses, input["S3Input"], fmt::format("the input \"{}\"", input["InputName"].string_or()));
    for (const Value& output : request["ProcessingOutputConfig"]["Outputs"].items())
      accesses.write(output["S3Output"]["S3Uri"].string_or(), "",
                     fmt::format("the output \"{}\"", output["OutputName"].string_or()));
  } else if (operation == "CreateModel") {
    const Value& container = request["PrimaryContainer"];
    if (const std::string url = container["ModelDataUrl"].string_or(); !url.empty()) accesses.read(url, "the model");
  } else if (operation == "CreateTransformJob") {
    source(accesses, request["TransformInput"]["DataSource"]["S3DataSource"], "the input");
    accesses.write(request["TransformOutput"]["S3OutputPath"].string_or(), "", "the output");
  }
  return accesses.take();
}

}  // namespace millrace::sagemaker
