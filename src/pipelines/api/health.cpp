#include "pipelines/api/operations.h"

namespace millrace::pipelines::api {

Result<Value> get_healthz(Context&, const Call&) {
  return Value::object({{"multi_user", false}, {"pipeline_store", "database"}});
}

}  // namespace millrace::pipelines::api
