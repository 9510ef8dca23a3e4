#include "pipelines/api/operations.h"

namespace millrace::pipelines::api {

// commit_sha is left out: a program that was built does not know.
Result<Value> get_healthz(Context& context, const Call&) {
  Value health = Value::object();
  health.set_if(!context.options.version.empty(), "tag_name", context.options.version);
  health.set("multi_user", false).set("pipeline_store", "database");
  return health;
}

}  // namespace millrace::pipelines::api
