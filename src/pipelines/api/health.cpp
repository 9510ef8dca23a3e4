#include "pipelines/api/operations.h"

namespace millrace::pipelines::api {

// v1beta1 has the version besides, which v2beta1's message has no place for. Source: backend/api/*/healthz.proto.
Result<Value> get_healthz(Context& context, const Call& call) {
  Value health = Value::object();
  const bool with_version = call.request.path.starts_with("/apis/v1beta1/") && !context.options.version.empty();
  health.set_if(with_version, "tag_name", context.options.version);
  health.set("multi_user", false).set("pipeline_store", "database");
  // Not upstream's: for who shows when recurring runs are due.
  health.set_if(!context.options.cron_time_zone.empty(), "cron_time_zone", context.options.cron_time_zone);
  return health;
}

}  // namespace millrace::pipelines::api
