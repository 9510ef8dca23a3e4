#include <fmt/core.h>

#include "sagemaker/errors.h"
#include "sagemaker/ops/model_packages.h"

namespace millrace::sagemaker {
namespace {

constexpr std::string_view kKept[] = {"ModelPackageDescription",
                                      "InferenceSpecification",
                                      "MetadataProperties",
                                      "ModelMetrics",
                                      "Domain",
                                      "Task",
                                      "SamplePayloadUrl",
                                      "CustomerMetadataProperties",
                                      "DriftCheckBaselines",
                                      "AdditionalInferenceSpecifications",
                                      "SkipModelValidation",
                                      "SourceUri",
                                      "SecurityConfig",
                                      "ModelCard",
                                      "ModelLifeCycle",
                                      "ModelPackageRegistrationType"};

Status check(const Value& input) {
  MR_TRY(refuse_unsupported(input, {{"SourceAlgorithmSpecification",
                                     "SourceAlgorithmSpecification is not supported; give "
                                     "InferenceSpecification."},
                                    {"ValidationSpecification",
                                     "Validation of model packages is not supported; leave "
                                     "ValidationSpecification out."},
                                    {"CertifyForMarketplace",
                                     "Listing on AWS Marketplace is not supported; leave CertifyForMarketplace out."},
                                    {"ManagedStorageType", "Managed storage of model packages is not supported."}}));
  if (input["ModelPackageName"].string_or().empty() == input["ModelPackageGroupName"].string_or().empty()) {
    return validation_error("Either ModelPackageName or ModelPackageGroupName must be given, and not both.");
  }
  const bool has_source = !input["InferenceSpecification"].empty() || !input["SourceUri"].string_or().empty();
  if (!has_source) return validation_error("Either InferenceSpecification or SourceUri must be given.");
  for (const auto& container : input["InferenceSpecification"]["Containers"].items()) {
    if (container["Image"].string_or().empty()) {
      return validation_error("Each container of InferenceSpecification must have an Image.");
    }
    if (!container["ModelDataUrl"].string_or().empty()) MR_TRY(check_s3_uri("ModelDataUrl", container["ModelDataUrl"]));
  }
  return {};
}

// What is to be made, as policies name it: a version's number is not known before it is made.
std::string package_arn(const Ops& ops, const Value& input) {
  const std::string group = name_or_end_of_arn(input["ModelPackageGroupName"]);
  const std::string name = group.empty() ? input["ModelPackageName"].string_or() : group + "/*";
  return arn_of(ops.dependencies.account_region, Kind::model_package, name);
}

Resource build(const AccountRegion& here, const Value& input, std::int64_t version, Time now) {
  Resource package;
  package.kind = Kind::model_package;
  package.parent = name_or_end_of_arn(input["ModelPackageGroupName"]);
  const bool versioned = !package.parent.empty();
  package.name = versioned ? fmt::format("{}/{}", package.parent, version) : input["ModelPackageName"].string_or();
  package.arn = arn_of(here, package.kind, package.name);
  package.status = "Completed";
  package.created = package.modified = now;
  Value& body = package.body;
  body.set("ModelPackageName", versioned ? package.parent : package.name).set("ModelPackageArn", package.arn);
  if (versioned) {
    body.set("ModelPackageGroupName", package.parent).set("ModelPackageVersion", version);
    body.set("ModelApprovalStatus", input["ModelApprovalStatus"].string_or("PendingManualApproval"));
  }
  for (const std::string_view member : kKept) {
    if (input.has(member) && !input[member].is_null()) body.set(member, input[member]);
  }
  body.set("CreationTime", seconds(now)).set("LastModifiedTime", seconds(now)).set("CreatedBy", Value::object());
  body.set("ModelPackageStatus", package.status).set("CertifyForMarketplace", false);
  body.set("ModelPackageStatusDetails",
           Value::object({{"ValidationStatuses", Value::array()}, {"ImageScanStatuses", Value::array()}}));
  if (const std::string token = input["ClientToken"].string_or(); !token.empty()) package.state.set("token", token);
  return package;
}

// The group's next version, counted where the package is written; a request that was sent again gets the package that
// it made.
Result<Resource> add_version(db::Connection& connection, const AccountRegion& here, const Value& input,
                             const Tags& tags, Time now) {
  const std::string name = name_or_end_of_arn(input["ModelPackageGroupName"]);
  auto group = MR_TRY(Store::find_in(connection, Kind::model_package_group, name));
  if (!group) return fail(no_such(Kind::model_package_group, name, arn_of(here, Kind::model_package_group, name)));
  const std::string token = input["ClientToken"].string_or();
  if (!token.empty() && group->state["last_token"].string_or() == token) {
    auto made = MR_TRY(Store::find_in(connection, Kind::model_package, group->state["last_made"].string_or()));
    if (made) return *std::move(made);
  }
  const std::int64_t version = group->state["next_version"].int_or(1);
  Value named = input;
  named.set("ModelPackageGroupName", group->name);
  Resource package = build(here, named, version, now);
  group->state.set("next_version", version + 1).set("last_token", token).set("last_made", package.name);
  MR_TRY(Store::insert_in(connection, package, tags));
  MR_TRY(Store::update_in(connection, *group));
  return package;
}

}  // namespace

aws::Operation create_model_package(Ops& ops) {
  return {"CreateModelPackage",
          "sagemaker:CreateModelPackage",
          [&ops](const aws::Call&, const Value& input) -> std::vector<std::string> {
            std::vector<std::string> arns{package_arn(ops, input)};
            const std::string group = name_or_end_of_arn(input["ModelPackageGroupName"]);
            if (!group.empty())
              arns.push_back(arn_of(ops.dependencies.account_region, Kind::model_package_group, group));
            return arns;
          },
          [&ops](aws::Call& call, const Value& input) -> Result<aws::Output> {
            MR_TRY(check(input));
            const Tags tags = MR_TRY(parse_tags(input["Tags"]));
            const AccountRegion& here = ops.dependencies.account_region;
            Resource package;
            if (input["ModelPackageGroupName"].string_or().empty()) {
              package = build(here, input, 0, call.now);
              MR_TRY(ops.dependencies.store.insert(package, tags));
            } else {
              MR_TRY(ops.dependencies.store.write([&](db::Connection& connection) -> Status {
                package = MR_TRY(add_version(connection, here, input, tags, call.now));
                return {};
              }));
            }
            ops.dependencies.changed(Kind::model_package, package.name);
            return aws::Output(Value::object({{"ModelPackageArn", package.arn}}));
          },
          [&ops](const aws::Call& call, const Value& input) -> Result<std::vector<aws::Check>> {
            auto keys = tag_keys(input);
            if (keys.empty()) return std::vector<aws::Check>();
            keys.push_back({"sagemaker:TaggingAction", {call.operation}});
            return std::vector<aws::Check>{{"sagemaker:AddTags", package_arn(ops, input), std::move(keys)}};
          },
          creation_keys(ops, Kind::model_package)};
}

}  // namespace millrace::sagemaker
