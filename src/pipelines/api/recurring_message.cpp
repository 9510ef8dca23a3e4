#include "pipelines/api/recurring_message.h"

#include "base/time.h"
#include "pipelines/api/call.h"
#include "pipelines/api/run_message.h"

namespace millrace::pipelines::api {

Value to_message(const schedule::RecurringRun& recurring, Value spec) {
  Value message = Value::object({{"recurring_run_id", recurring.id}, {"display_name", recurring.name}});
  message.set_if(!recurring.description.empty(), "description", recurring.description);
  if (!spec.is_null()) {
    message.set("pipeline_spec", std::move(spec));
  } else {
    Value reference = Value::object();
    reference.set_if(!recurring.pipeline_id.empty(), "pipeline_id", recurring.pipeline_id);
    reference.set_if(!recurring.version_id.empty(), "pipeline_version_id", recurring.version_id);
    message.set("pipeline_version_reference", std::move(reference));
  }
  if (!recurring.runtime_config.empty()) message.set("runtime_config", recurring.runtime_config);
  message.set("service_account",
              recurring.service_account.empty() ? std::string(kServiceAccount) : recurring.service_account);
  // int64 is a string in proto's JSON.
  message.set("max_concurrency", std::to_string(recurring.max_concurrency));
  if (!recurring.trigger.empty()) message.set("trigger", recurring.trigger);
  message.set("mode", recurring.enabled ? "ENABLE" : "DISABLE");
  message.set("created_at", format_rfc3339(recurring.created)).set("updated_at", format_rfc3339(recurring.updated));
  message.set("status", recurring.enabled ? "ENABLED" : "DISABLED");
  if (recurring.error) {
    message.set("error",
                Value::object({{"code", rpc_number(recurring.error->code)}, {"message", recurring.error->message}}));
  }
  message.set_if(recurring.no_catchup, "no_catchup", true);
  return message.set("experiment_id", recurring.experiment_id);
}

}  // namespace millrace::pipelines::api
