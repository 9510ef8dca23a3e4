#include <fmt/core.h>

#include "sagemaker/errors.h"
#include "sagemaker/ops/labeling.h"

namespace millrace::sagemaker {

aws::Operation create_workteam(Ops& ops) {
  return {"CreateWorkteam",
          "sagemaker:CreateWorkteam",
          resource_named(ops, Kind::workteam),
          [&ops](aws::Call& call, const Value& input) -> Result<aws::Output> {
            Resource team;
            team.kind = Kind::workteam;
            team.name = input["WorkteamName"].string_or();
            team.arn = arn_of(ops.dependencies.account_region, team.kind, team.name);
            team.created = team.modified = call.now;
            team.body.set("WorkteamName", team.name).set("WorkteamArn", team.arn);
            for (const auto* member :
                 {"MemberDefinitions", "Description", "NotificationConfiguration", "WorkerAccessConfiguration"}) {
              if (input.has(member)) team.body.set(member, input[member]);
            }
            team.body.set("SubDomain", fmt::format("{}.labeling.{}.sagemaker.aws", team.name, call.region));
            team.body.set("CreateDate", seconds(call.now)).set("LastUpdatedDate", seconds(call.now));
            MR_TRY(ops.dependencies.store.insert(team, MR_TRY(parse_tags(input["Tags"]))));
            ops.dependencies.changed(team.kind, team.name);
            return aws::Output(Value::object({{"WorkteamArn", team.arn}}));
          },
          creation_checks(ops, Kind::workteam, ""),
          creation_keys(ops, Kind::workteam)};
}

}  // namespace millrace::sagemaker
