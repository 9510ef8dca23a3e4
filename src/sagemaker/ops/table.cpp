#include "sagemaker/ops/labeling.h"
#include "sagemaker/ops/model_packages.h"
#include "sagemaker/ops/monitoring.h"
#include "sagemaker/ops/ops.h"

namespace millrace::sagemaker {

aws::Service control_service(Ops& ops) {
  aws::Service service{"sagemaker"};
  service.add(ops, {generic_operations, create_job_definitions, monitoring_schedule_operations});
  service.add(ops, {create_processing_job,
                    create_training_job,
                    create_hyper_parameter_tuning_job,
                    list_training_jobs_for_hyper_parameter_tuning_job,
                    create_transform_job,
                    create_model,
                    create_endpoint_config,
                    create_endpoint,
                    update_endpoint,
                    update_endpoint_weights_and_capacities,
                    delete_endpoint,
                    add_tags,
                    list_tags,
                    delete_tags,
                    create_model_package_group,
                    create_model_package,
                    update_model_package,
                    list_model_packages,
                    search,
                    list_monitoring_executions,
                    create_workteam,
                    create_labeling_job});
  return service;
}

aws::Service runtime_service(Ops& ops) {
  aws::Service service{"sagemaker-runtime"};
  service.dialect.validation.code = "ValidationError";
  service.add(ops, {invoke_endpoint, invoke_endpoint_async});
  return service;
}

}  // namespace millrace::sagemaker
