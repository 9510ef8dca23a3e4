#include "sagemaker/ops/ops.h"

#include <fmt/core.h>

#include "base/strings.h"
#include "sagemaker/errors.h"
#include "sagemaker/ops/model_packages.h"

namespace millrace::sagemaker {
namespace {

const Value& at_path(const Value& value, std::string_view path) {
  const Value* here = &value;
  for (const auto part : split(path, '.')) here = &here->at(part);
  return *here;
}

}  // namespace

aws::Resources resource_named(Ops& ops, Kind kind) {
  return [&ops, kind](const aws::Call&, const Value& input) -> std::vector<std::string> {
    const KindInfo& info = info_of(kind);
    const Value& given = input[info.name_member];
    return {arn_of(ops.dependencies.account_region, kind, info.by_arn ? name_or_end_of_arn(given) : given.string_or())};
  };
}

aws::Resources endpoint_and_config(Ops& ops) {
  return [&ops](const aws::Call&, const Value& input) -> std::vector<std::string> {
    return {arn_of(ops.dependencies.account_region, Kind::endpoint, input["EndpointName"].string_or()),
            arn_of(ops.dependencies.account_region, Kind::endpoint_config, input["EndpointConfigName"].string_or())};
  };
}

Status check_tagged(Ops& ops, const std::string& arn) {
  if (MR_TRY(ops.dependencies.store.arn_exists(arn))) return {};
  return validation_error(fmt::format("Could not find resource \"{}\".", arn));
}

aws::MoreChecks creation_checks(Ops& ops, Kind kind, std::string_view role_path) {
  return [&ops, kind, role_path](const aws::Call& call, const Value& input) -> Result<std::vector<aws::Check>> {
    std::vector<aws::Check> checks;
    const std::string arn = arn_of(ops.dependencies.account_region, kind, input[info_of(kind).name_member].string_or());
    if (!role_path.empty()) {
      if (const std::string role = at_path(input, role_path).string_or(); !role.empty()) {
        checks.push_back(
            {"iam:PassRole",
             role,
             {{"iam:PassedToService", {std::string(kServicePrincipal)}}, {"iam:AssociatedResourceArn", {arn}}}});
      }
    }
    if (auto keys = tag_keys(input); !keys.empty()) {
      keys.push_back({"sagemaker:TaggingAction", {call.operation}});
      checks.push_back({"sagemaker:AddTags", arn, std::move(keys)});
    }
    return checks;
  };
}

Status check_role(Ops& ops, const aws::Call& call, const Value& role_arn) {
  if (auto access = ops.dependencies.access_as(role_arn.string_or(), call.origin); !access) return fail(access.error());
  return {};
}

Result<aws::Output> start_job(Ops& ops, const aws::Call& call, Resource job, const Value& request) {
  if (!call.origin.empty()) job.state.set("origin", call.origin);
  const Tags tags = MR_TRY(parse_tags(request["Tags"]));
  // Counted where the row is written: of two at once only one may be the last.
  const auto below_limit = [&](db::Connection& connection) -> Status {
    if (MR_TRY(Store::count_active_in(connection, job.kind)) < kMaxActiveJobs) return {};
    return limit_exceeded(
        fmt::format("The account-level service limit 'Number of concurrent {}s' is {}, with current utilization of {} "
                    "and a request "
                    "delta of 1.",
                    info_of(job.kind).name, kMaxActiveJobs, kMaxActiveJobs));
  };
  MR_TRY(ops.dependencies.store.insert(job, tags, below_limit));
  ops.dependencies.changed(job.kind, job.name);
  ops.jobs.poke(job.kind, job.name);
  return aws::Output(Value::object({{std::string(info_of(job.kind).arn_member), job.arn}}));
}

}  // namespace millrace::sagemaker
