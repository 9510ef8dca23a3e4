#include "sagemaker/errors.h"
#include "sagemaker/ops/model_packages.h"

namespace millrace::sagemaker {

aws::Operation create_model_package_group(Ops& ops) {
  return {"CreateModelPackageGroup",
          "sagemaker:CreateModelPackageGroup",
          resource_named(ops, Kind::model_package_group),
          [&ops](aws::Call& call, const Value& input) -> Result<aws::Output> {
            MR_TRY(refuse_unsupported(
                input, {{"ManagedConfiguration", "Managed storage of model packages is not supported."}}));
            Resource group;
            group.kind = Kind::model_package_group;
            group.name = input["ModelPackageGroupName"].string_or();
            group.arn = arn_of(ops.dependencies.account_region, group.kind, group.name);
            group.status = "Completed";
            group.created = group.modified = call.now;
            group.body.set("ModelPackageGroupName", group.name).set("ModelPackageGroupArn", group.arn);
            if (input.has("ModelPackageGroupDescription"))
              group.body.set("ModelPackageGroupDescription", input["ModelPackageGroupDescription"]);
            group.body.set("CreationTime", seconds(call.now)).set("CreatedBy", Value::object());
            group.body.set("ModelPackageGroupStatus", group.status);
            group.state.set("next_version", 1);
            MR_TRY(ops.dependencies.store.insert(group, MR_TRY(parse_tags(input["Tags"]))));
            ops.dependencies.changed(group.kind, group.name);
            return aws::Output(Value::object({{"ModelPackageGroupArn", group.arn}}));
          },
          creation_checks(ops, Kind::model_package_group, ""),
          creation_keys(ops, Kind::model_package_group)};
}

}  // namespace millrace::sagemaker
