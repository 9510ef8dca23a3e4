#include "sagemaker/ops/model_packages.h"

#include <fmt/core.h>

#include "sagemaker/errors.h"
#include "sagemaker/serving/deployment.h"

namespace millrace::sagemaker {

namespace {

// The artifacts are there and the role may read them: said now, not when an endpoint needs them.
Status check_model_data(Ops& ops, const aws::Call& call, const std::string& role, const Value& container) {
  const std::string url = container["ModelDataUrl"].string_or();
  if (url.empty()) return {};
  if (is_multi_model(container)) return {};  // a prefix: its models are looked for when they are invoked
  const auto uri = MR_TRY(s3::parse_uri(url));
  const auto access = MR_TRY(ops.dependencies.access_as(role, call.origin));
  const auto found = access->head(uri.bucket, uri.key);
  if (found) return {};
  if (found.error().code == Code::not_found) {
    return validation_error(fmt::format("Could not find model data at {}.", url));
  }
  return validation_error(fmt::format(
      "Could not access model data at {}. Please ensure that the role \"{}\" exists and that its trust relationship "
      "policy allows the action \"sts:AssumeRole\" for the service principal \"{}\". Also ensure that the role has "
      "\"s3:GetObject\" permissions and that the object is located in {}.",
      url, role, kServicePrincipal, ops.dependencies.account_region.region));
}

}  // namespace

aws::Operation create_model(Ops& ops) {
  return {"CreateModel",
          "sagemaker:CreateModel",
          resource_named(ops, Kind::model),
          [&ops](aws::Call& call, const Value& input) -> Result<aws::Output> {
            Value request = input;
            if (Value* container = request.find("PrimaryContainer")) MR_TRY(resolve_package(ops, *container));
            if (Value* containers = request.find("Containers"); containers != nullptr && containers->is_array()) {
              for (Value& container : containers->as_array()) MR_TRY(resolve_package(ops, container));
            }
            const auto model = MR_TRY(build_model(ops.dependencies.account_region, request, call.now));
            const Tags tags = MR_TRY(parse_tags(input["Tags"]));
            const std::string role = input["ExecutionRoleArn"].string_or();
            if (role.empty()) return validation_error("ExecutionRoleArn must be given.");
            MR_TRY(check_role(ops, call, input["ExecutionRoleArn"]));
            MR_TRY(check_model_data(ops, call, role, model.body["PrimaryContainer"]));
            for (const auto& container : model.body["Containers"].items()) {
              MR_TRY(check_model_data(ops, call, role, container));
            }
            MR_TRY(ops.dependencies.store.insert(model, tags));
            ops.dependencies.changed(Kind::model, model.name);
            return aws::Output(Value::object({{"ModelArn", model.arn}}));
          },
          creation_checks(ops, Kind::model, "ExecutionRoleArn"),
          creation_keys(ops, Kind::model)};
}

}  // namespace millrace::sagemaker
