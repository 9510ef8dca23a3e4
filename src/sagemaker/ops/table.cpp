#include "sagemaker/ops/ops.h"

namespace millrace::sagemaker {

aws::Service control_service(Ops& ops) {
  std::vector<aws::Operation> operations = generic_operations(ops);
  for (const auto make : {create_processing_job, create_training_job, create_hyper_parameter_tuning_job,
                          list_training_jobs_for_hyper_parameter_tuning_job, create_transform_job, create_model,
                          create_endpoint_config, create_endpoint, update_endpoint,
                          update_endpoint_weights_and_capacities, delete_endpoint, add_tags, list_tags, delete_tags}) {
    operations.push_back(make(ops));
  }
  return {"sagemaker", std::move(operations)};
}

aws::Service runtime_service(Ops& ops) { return {"sagemaker-runtime", {invoke_endpoint(ops)}}; }

}  // namespace millrace::sagemaker
