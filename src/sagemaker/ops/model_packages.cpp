#include "sagemaker/ops/model_packages.h"

#include <fmt/core.h>

#include "base/strings.h"
#include "sagemaker/errors.h"

namespace millrace::sagemaker {

std::string name_or_end_of_arn(const Value& given) {
  const std::string text = given.string_or();
  if (!text.starts_with("arn:")) return text;
  const auto slash = text.find('/');
  return slash == std::string::npos ? text : text.substr(slash + 1);
}

Status add_package_keys(Store& store, const std::string& arn, std::vector<std::pair<std::string, std::string>>& keys) {
  if (arn.find(":model-package/") == std::string::npos) return {};
  const auto package = MR_TRY(store.find(Kind::model_package, name_or_end_of_arn(arn)));
  if (!package) return {};
  const auto add = [&](std::string key, const Value& value) {
    if (!value.string_or().empty()) keys.emplace_back(std::move(key), value.string_or());
  };
  add("sagemaker:CurrentModelLifeCycleStage", package->body["ModelLifeCycle"]["Stage"]);
  add("sagemaker:CurrentModelLifeCycleStageStatus", package->body["ModelLifeCycle"]["StageStatus"]);
  for (const auto& [key, value] : package->body["CustomerMetadataProperties"].members())
    add("sagemaker:CurrentCustomerMetadataProperties/" + key, value);
  return {};
}

Status resolve_package(Ops& ops, Value& container) {
  const std::string name = name_or_end_of_arn(container["ModelPackageName"]);
  if (name.empty()) return {};
  const Resource package =
      MR_TRY(ops.dependencies.store.get(Kind::model_package, name, ops.dependencies.account_region));
  const auto containers = package.body["InferenceSpecification"]["Containers"].items();
  if (containers.size() != 1) {
    return validation_error(fmt::format(
        "The model package \"{}\" has {} containers; a model's container can be made of a package with one.",
        package.arn, containers.size()));
  }
  const Value& source = containers.front();
  for (const std::string_view member : {"Image", "ModelDataUrl"}) {
    if (container[member].string_or().empty() && source.has(member)) container.set(member, source[member]);
  }
  for (const auto& [variable, value] : source["Environment"].members()) {
    Value& environment = container.child("Environment");
    if (!environment.has(variable)) environment.set(variable, value);
  }
  return {};
}

}  // namespace millrace::sagemaker
