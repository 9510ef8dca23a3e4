// A labeling job is checked as any request is, and refused: its tasks need people.

#include <fmt/core.h>

#include "base/strings.h"
#include "sagemaker/errors.h"
#include "sagemaker/ops/labeling.h"

namespace millrace::sagemaker {
namespace {

std::string arn_in(const Ops& ops, const Value& input) {
  const AccountRegion& here = ops.dependencies.account_region;
  return fmt::format("arn:aws:sagemaker:{}:{}:labeling-job/{}", here.region, here.account,
                     to_lower(input["LabelingJobName"].string_or()));
}

std::string team_type(const std::string& arn) {
  for (const auto* type : {"private-crowd", "public-crowd", "vendor-crowd"}) {
    if (arn.find(fmt::format("workteam/{}/", type)) != std::string::npos) return type;
  }
  return {};
}

Result<std::vector<aws::Check>> more_checks(const Ops& ops, const aws::Call& call, const Value& input) {
  const std::string arn = arn_in(ops, input);
  std::vector<aws::Check> checks{
      {"iam:PassRole",
       input["RoleArn"].string_or(),
       {{"iam:PassedToService", {std::string(kServicePrincipal)}}, {"iam:AssociatedResourceArn", {arn}}}}};
  if (auto keys = tag_keys(input); !keys.empty()) {
    keys.push_back({"sagemaker:TaggingAction", {call.operation}});
    checks.push_back({"sagemaker:AddTags", arn, std::move(keys)});
  }
  return checks;
}

decltype(aws::Check::keys) keys_of(const Value& input) {
  auto keys = tag_keys(input);
  const std::string team = input["HumanTaskConfig"]["WorkteamArn"].string_or();
  if (!team.empty()) keys.push_back({"sagemaker:WorkteamArn", {team}});
  if (const std::string type = team_type(team); !type.empty()) keys.push_back({"sagemaker:WorkteamType", {type}});
  if (const std::string key = input["OutputConfig"]["KmsKeyId"].string_or(); !key.empty()) {
    keys.push_back({"sagemaker:OutputKmsKey", {key}});
  }
  const Value& resources = input["LabelingJobAlgorithmsConfig"]["LabelingJobResourceConfig"];
  if (const std::string key = resources["VolumeKmsKeyId"].string_or(); !key.empty()) {
    keys.push_back({"sagemaker:VolumeKmsKey", {key}});
  }
  return keys;
}

}  // namespace

aws::Operation create_labeling_job(Ops& ops) {
  return {"CreateLabelingJob",
          "sagemaker:CreateLabelingJob",
          [&ops](const aws::Call&, const Value& input) -> std::vector<std::string> { return {arn_in(ops, input)}; },
          [&ops](aws::Call& call, const Value& input) -> Result<aws::Output> {
            MR_TRY(check_role(ops, call, input["RoleArn"]));
            return validation_error("Labeling jobs are not supported here: no people are here to label the data.");
          },
          [&ops](const aws::Call& call, const Value& input) { return more_checks(ops, call, input); },
          [](const aws::Call&, const Value& input) { return keys_of(input); }};
}

}  // namespace millrace::sagemaker
