#include "sagemaker/ops/ops.h"

namespace millrace::sagemaker {

aws::Operation list_endpoints(Ops& ops) {
  return {"ListEndpoints", "sagemaker:ListEndpoints", aws::any_resource(), list_handle(ops, Kind::endpoint)};
}

}  // namespace millrace::sagemaker
