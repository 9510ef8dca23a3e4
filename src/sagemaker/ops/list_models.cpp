#include "sagemaker/ops/ops.h"

namespace millrace::sagemaker {

aws::Operation list_models(Ops& ops) {
  return {"ListModels", "sagemaker:ListModels", aws::any_resource(), list_handle(ops, Kind::model)};
}

}  // namespace millrace::sagemaker
