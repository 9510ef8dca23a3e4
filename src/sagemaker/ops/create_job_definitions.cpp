#include "sagemaker/ops/monitoring.h"

namespace millrace::sagemaker {
namespace {

struct Row {
  Kind kind;
  std::string_view name;
  aws::IamAction action;
};

aws::Operation creation(Ops& ops, const Row& row) {
  return {row.name,
          row.action,
          resource_named(ops, row.kind),
          [&ops, kind = row.kind](aws::Call& call, const Value& input) -> Result<aws::Output> {
            const auto definition =
                MR_TRY(build_job_definition(ops.dependencies.account_region, kind, input, call.now));
            MR_TRY(check_role(ops, call, input["RoleArn"]));
            MR_TRY(ops.dependencies.store.insert(definition, MR_TRY(parse_tags(input["Tags"]))));
            ops.dependencies.changed(kind, definition.name);
            return aws::Output(Value::object({{"JobDefinitionArn", definition.arn}}));
          },
          creation_checks(ops, row.kind, "RoleArn"),
          creation_keys(ops, row.kind)};
}

}  // namespace

std::vector<aws::Operation> create_job_definitions(Ops& ops) {
  return {creation(ops, {Kind::data_quality_job_definition, "CreateDataQualityJobDefinition",
                         "sagemaker:CreateDataQualityJobDefinition"}),
          creation(ops, {Kind::model_bias_job_definition, "CreateModelBiasJobDefinition",
                         "sagemaker:CreateModelBiasJobDefinition"}),
          creation(ops, {Kind::model_explainability_job_definition, "CreateModelExplainabilityJobDefinition",
                         "sagemaker:CreateModelExplainabilityJobDefinition"}),
          creation(ops, {Kind::model_quality_job_definition, "CreateModelQualityJobDefinition",
                         "sagemaker:CreateModelQualityJobDefinition"})};
}

}  // namespace millrace::sagemaker
