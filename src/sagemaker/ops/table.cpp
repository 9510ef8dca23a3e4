#include "sagemaker/ops/ops.h"

namespace millrace::sagemaker {

aws::Service control_service(Ops& ops) {
  return {"sagemaker",
          {create_processing_job(ops),
           describe_processing_job(ops),
           list_processing_jobs(ops),
           stop_processing_job(ops),
           create_training_job(ops),
           describe_training_job(ops),
           list_training_jobs(ops),
           stop_training_job(ops),
           create_hyper_parameter_tuning_job(ops),
           describe_hyper_parameter_tuning_job(ops),
           list_hyper_parameter_tuning_jobs(ops),
           stop_hyper_parameter_tuning_job(ops),
           list_training_jobs_for_hyper_parameter_tuning_job(ops),
           create_transform_job(ops),
           describe_transform_job(ops),
           list_transform_jobs(ops),
           stop_transform_job(ops),
           create_model(ops),
           describe_model(ops),
           list_models(ops),
           delete_model(ops),
           create_endpoint_config(ops),
           describe_endpoint_config(ops),
           list_endpoint_configs(ops),
           delete_endpoint_config(ops),
           create_endpoint(ops),
           describe_endpoint(ops),
           list_endpoints(ops),
           update_endpoint(ops),
           update_endpoint_weights_and_capacities(ops),
           delete_endpoint(ops),
           add_tags(ops),
           list_tags(ops),
           delete_tags(ops)}};
}

aws::Service runtime_service(Ops& ops) { return {"sagemaker-runtime", {invoke_endpoint(ops)}}; }

}  // namespace millrace::sagemaker
