#include "sagemaker/ops/ops.h"

namespace millrace::sagemaker {

aws::Operation list_endpoint_configs(Ops& ops) {
  return {"ListEndpointConfigs", "sagemaker:ListEndpointConfigs", aws::any_resource(),
          list_handle(ops, Kind::endpoint_config)};
}

}  // namespace millrace::sagemaker
