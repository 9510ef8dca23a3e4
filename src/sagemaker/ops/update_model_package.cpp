#include "sagemaker/errors.h"
#include "sagemaker/ops/model_packages.h"

namespace millrace::sagemaker {
namespace {

constexpr std::string_view kReplaced[] = {
    "ModelApprovalStatus", "ApprovalDescription", "InferenceSpecification",      "SourceUri",
    "ModelCard",           "ModelLifeCycle",      "ModelPackageRegistrationType"};

Status apply(Resource& package, const Value& input, Time now) {
  Value& body = package.body;
  if (input.has("ModelApprovalStatus") && !body.has("ModelPackageGroupName")) {
    return validation_error("ModelApprovalStatus can be set of a version in a model package group only.");
  }
  for (const std::string_view member : kReplaced) {
    if (input.has(member) && !input[member].is_null()) body.set(member, input[member]);
  }
  for (const auto& [key, value] : input["CustomerMetadataProperties"].members())
    body.child("CustomerMetadataProperties").set(key, value);
  for (const auto& key : input["CustomerMetadataPropertiesToRemove"].items()) {
    if (Value* properties = body.find("CustomerMetadataProperties")) properties->erase(key.string_or());
  }
  for (const auto& more : input["AdditionalInferenceSpecificationsToAdd"].items())
    body.child("AdditionalInferenceSpecifications").push(more);
  package.modified = now;
  body.set("LastModifiedTime", seconds(now)).set("LastModifiedBy", Value::object());
  return {};
}

}  // namespace

aws::Operation update_model_package(Ops& ops) {
  return {"UpdateModelPackage",
          "sagemaker:UpdateModelPackage",
          [&ops](const aws::Call&, const Value& input) -> std::vector<std::string> {
            return {arn_of(ops.dependencies.account_region, Kind::model_package,
                           name_or_end_of_arn(input["ModelPackageArn"]))};
          },
          [&ops](aws::Call& call, const Value& input) -> Result<aws::Output> {
            const std::string name = name_or_end_of_arn(input["ModelPackageArn"]);
            MR_TRY(ops.dependencies.store.get(Kind::model_package, name, ops.dependencies.account_region));
            const Resource changed = MR_TRY(ops.dependencies.store.change(
                Kind::model_package, name, [&](Resource& row) { return apply(row, input, call.now); }));
            ops.dependencies.changed(Kind::model_package, changed.name);
            return aws::Output(Value::object({{"ModelPackageArn", changed.arn}}));
          },
          {},
          creation_keys(ops, Kind::model_package)};
}

}  // namespace millrace::sagemaker
