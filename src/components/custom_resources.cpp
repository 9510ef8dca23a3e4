// Version 2 of the published components, a row for each.

#include "components/custom_resource.h"

namespace millrace::components {
namespace {

constexpr ArgumentSpec required(std::string_view name, ArgumentType type) { return {name, type, kNone, true}; }
constexpr ArgumentSpec optional(std::string_view name, ArgumentType type) { return {name, type, kNone}; }

constexpr std::array kRegion = {required("region", ArgumentType::string)};

constexpr auto kTrainingJobArguments =
    argument_table(kRegion, std::array{
                                required("algorithm_specification", ArgumentType::object),
                                optional("checkpoint_config", ArgumentType::object),
                                optional("debug_hook_config", ArgumentType::object),
                                optional("debug_rule_configurations", ArgumentType::array),
                                optional("enable_inter_container_traffic_encryption", ArgumentType::boolean),
                                optional("enable_managed_spot_training", ArgumentType::boolean),
                                optional("enable_network_isolation", ArgumentType::boolean),
                                optional("environment", ArgumentType::object),
                                optional("experiment_config", ArgumentType::object),
                                optional("hyper_parameters", ArgumentType::object),
                                optional("input_data_config", ArgumentType::array),
                                required("output_data_config", ArgumentType::object),
                                optional("profiler_config", ArgumentType::object),
                                optional("profiler_rule_configurations", ArgumentType::array),
                                required("resource_config", ArgumentType::object),
                                optional("retry_strategy", ArgumentType::object),
                                required("role_arn", ArgumentType::string),
                                required("stopping_condition", ArgumentType::object),
                                optional("tags", ArgumentType::array),
                                optional("tensor_board_output_config", ArgumentType::object),
                                required("training_job_name", ArgumentType::string),
                                optional("vpc_config", ArgumentType::object),
                            });
constexpr std::string_view kTrainingJobOutputs[] = {
    "ack_resource_metadata", "conditions",         "creation_time",       "debug_rule_evaluation_statuses",
    "failure_reason",        "last_modified_time", "model_artifacts",     "profiler_rule_evaluation_statuses",
    "profiling_status",      "secondary_status",   "training_job_status", "warm_pool_status"};

constexpr auto kModelArguments =
    argument_table(kRegion, std::array{
                                optional("containers", ArgumentType::array),
                                optional("enable_network_isolation", ArgumentType::boolean),
                                required("execution_role_arn", ArgumentType::string),
                                optional("inference_execution_config", ArgumentType::object),
                                required("model_name", ArgumentType::string),
                                optional("primary_container", ArgumentType::object),
                                optional("tags", ArgumentType::array),
                                optional("vpc_config", ArgumentType::object),
                            });

// kms_key_id becomes no field, as in the published component: the field's name has another case.
constexpr auto kEndpointConfigArguments =
    argument_table(kRegion, std::array{
                                optional("async_inference_config", ArgumentType::object),
                                optional("data_capture_config", ArgumentType::object),
                                required("endpoint_config_name", ArgumentType::string),
                                optional("kms_key_id", ArgumentType::string),
                                required("production_variants", ArgumentType::array),
                                optional("tags", ArgumentType::array),
                            });

constexpr auto kEndpointArguments = argument_table(kRegion, std::array{
                                                                optional("deployment_config", ArgumentType::object),
                                                                required("endpoint_config_name", ArgumentType::string),
                                                                required("endpoint_name", ArgumentType::string),
                                                                optional("tags", ArgumentType::array),
                                                            });
constexpr std::string_view kEndpointOutputs[] = {"ack_resource_metadata",
                                                 "conditions",
                                                 "creation_time",
                                                 "endpoint_status",
                                                 "failure_reason",
                                                 "last_modified_time",
                                                 "pending_deployment_summary",
                                                 "production_variants",
                                                 "sagemaker_resource_name"};

constexpr auto kMonitoringScheduleArguments =
    argument_table(kRegion, std::array{
                                required("monitoring_schedule_config", ArgumentType::object),
                                required("monitoring_schedule_name", ArgumentType::string),
                                optional("tags", ArgumentType::array),
                            });
constexpr std::string_view kMonitoringScheduleOutputs[] = {"ack_resource_metadata",
                                                           "conditions",
                                                           "creation_time",
                                                           "failure_reason",
                                                           "last_modified_time",
                                                           "last_monitoring_execution_summary",
                                                           "monitoring_schedule_status",
                                                           "sagemaker_resource_name"};

// What the four job definitions of monitoring have in common.
constexpr std::array kDefinitionArguments = {
    required("job_definition_name", ArgumentType::string), required("job_resources", ArgumentType::object),
    optional("network_config", ArgumentType::object),      required("role_arn", ArgumentType::string),
    optional("stopping_condition", ArgumentType::object),  optional("tags", ArgumentType::array),
};
constexpr auto kDataQualityArguments =
    argument_table(kRegion, kDefinitionArguments,
                   std::array{
                       required("data_quality_app_specification", ArgumentType::object),
                       optional("data_quality_baseline_config", ArgumentType::object),
                       required("data_quality_job_input", ArgumentType::object),
                       required("data_quality_job_output_config", ArgumentType::object),
                   });
constexpr auto kModelBiasArguments = argument_table(kRegion, kDefinitionArguments,
                                                    std::array{
                                                        required("model_bias_app_specification", ArgumentType::object),
                                                        optional("model_bias_baseline_config", ArgumentType::object),
                                                        required("model_bias_job_input", ArgumentType::object),
                                                        required("model_bias_job_output_config", ArgumentType::object),
                                                    });
constexpr auto kModelQualityArguments =
    argument_table(kRegion, kDefinitionArguments,
                   std::array{
                       required("model_quality_app_specification", ArgumentType::object),
                       optional("model_quality_baseline_config", ArgumentType::object),
                       required("model_quality_job_input", ArgumentType::object),
                       required("model_quality_job_output_config", ArgumentType::object),
                   });
constexpr auto kModelExplainabilityArguments =
    argument_table(kRegion, kDefinitionArguments,
                   std::array{
                       required("model_explainability_app_specification", ArgumentType::object),
                       optional("model_explainability_baseline_config", ArgumentType::object),
                       required("model_explainability_job_input", ArgumentType::object),
                       required("model_explainability_job_output_config", ArgumentType::object),
                   });
constexpr std::string_view kPlainOutputs[] = {"ack_resource_metadata", "conditions", "sagemaker_resource_name"};

constexpr ResourceKind kTrainingJob{.kind = "TrainingJob",
                                    .title = "Training Job",
                                    .prefix = "training-job",
                                    .name_argument = "training_job_name",
                                    .name_member = "TrainingJobName",
                                    .not_found = "Requested resource not found",
                                    .remove = "StopTrainingJob",
                                    .console = "jobs",
                                    .status_member = "TrainingJobStatus",
                                    .done = "Completed",
                                    .changing = "InProgress|Stopping",
                                    .is_late_initialized = true,
                                    .arguments = kTrainingJobArguments,
                                    .outputs = kTrainingJobOutputs};
constexpr ResourceKind kModel{.kind = "Model",
                              .title = "Model",
                              .prefix = "model",
                              .name_argument = "model_name",
                              .name_member = "ModelName",
                              .not_found = "Could not find model",
                              .remove = "DeleteModel",
                              .console = "models",
                              .is_late_initialized = true,
                              .arguments = kModelArguments,
                              .outputs = kPlainOutputs};
constexpr ResourceKind kEndpointConfig{.kind = "EndpointConfig",
                                       .title = "Endpoint Config",
                                       .prefix = "endpoint-config",
                                       .name_argument = "endpoint_config_name",
                                       .name_member = "EndpointConfigName",
                                       .not_found = "Could not find endpoint configuration",
                                       .remove = "DeleteEndpointConfig",
                                       .console = "endpointConfig",
                                       .is_late_initialized = true,
                                       .arguments = kEndpointConfigArguments,
                                       .outputs = kPlainOutputs};
constexpr ResourceKind kEndpoint{.kind = "Endpoint",
                                 .title = "Endpoint",
                                 .prefix = "endpoint",
                                 .name_argument = "endpoint_name",
                                 .name_member = "EndpointName",
                                 .not_found = "Could not find endpoint",
                                 .remove = "DeleteEndpoint",
                                 .console = "endpoints",
                                 .status_member = "EndpointStatus",
                                 .done = "InService",
                                 .changing = "Creating|Updating|SystemUpdating|RollingBack|Deleting",
                                 .fails_terminally = true,
                                 .can_update = true,
                                 .arguments = kEndpointArguments,
                                 .outputs = kEndpointOutputs};
constexpr ResourceKind kMonitoringSchedule{.kind = "MonitoringSchedule",
                                           .title = "Monitoring Schedule",
                                           .prefix = "monitoring-schedule",
                                           .name_argument = "monitoring_schedule_name",
                                           .name_member = "MonitoringScheduleName",
                                           .not_found = "",
                                           .remove = "DeleteMonitoringSchedule",
                                           .console = "",
                                           .status_member = "MonitoringScheduleStatus",
                                           .done = "Scheduled",
                                           .changing = "Pending",
                                           .fails_terminally = true,
                                           .can_update = true,
                                           .arguments = kMonitoringScheduleArguments,
                                           .outputs = kMonitoringScheduleOutputs};

constexpr ResourceKind job_definition(std::string_view kind, std::string_view title, std::string_view prefix,
                                      std::string_view remove, std::span<const ArgumentSpec> arguments) {
  return {.kind = kind,
          .title = title,
          .prefix = prefix,
          .name_argument = "job_definition_name",
          .name_member = "JobDefinitionName",
          .not_found = "",
          .remove = remove,
          .console = "",
          .arguments = arguments,
          .outputs = kPlainOutputs};
}
constexpr ResourceKind kDataQuality =
    job_definition("DataQualityJobDefinition", "Data Quality Job Definition", "data-quality-job-definition",
                   "DeleteDataQualityJobDefinition", kDataQualityArguments);
constexpr ResourceKind kModelBias =
    job_definition("ModelBiasJobDefinition", "Model Bias Job Definition", "model-bias-job-definition",
                   "DeleteModelBiasJobDefinition", kModelBiasArguments);
constexpr ResourceKind kModelQuality =
    job_definition("ModelQualityJobDefinition", "Model Quality Job Definition", "model-quality-job-definition",
                   "DeleteModelQualityJobDefinition", kModelQualityArguments);
constexpr ResourceKind kModelExplainability = job_definition(
    "ModelExplainabilityJobDefinition", "Model Explainability Job Definition", "model-explainability-job-definition",
    "DeleteModelExplainabilityJobDefinition", kModelExplainabilityArguments);

}  // namespace

std::unique_ptr<Component> training_job_resource() { return custom_resource_component(kTrainingJob); }
std::unique_ptr<Component> model_resource() { return custom_resource_component(kModel); }
std::unique_ptr<Component> endpoint_config_resource() { return custom_resource_component(kEndpointConfig); }
std::unique_ptr<Component> endpoint_resource() { return custom_resource_component(kEndpoint); }
std::unique_ptr<Component> monitoring_schedule_resource() { return custom_resource_component(kMonitoringSchedule); }
std::unique_ptr<Component> data_quality_resource() { return custom_resource_component(kDataQuality); }
std::unique_ptr<Component> model_bias_resource() { return custom_resource_component(kModelBias); }
std::unique_ptr<Component> model_quality_resource() { return custom_resource_component(kModelQuality); }
std::unique_ptr<Component> model_explainability_resource() { return custom_resource_component(kModelExplainability); }

}  // namespace millrace::components
