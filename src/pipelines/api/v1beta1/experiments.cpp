#include "pipelines/api/v1beta1/operations.h"

namespace millrace::pipelines::api::v1beta1 {
namespace {

Value to_v1(const Value& experiment) {
  Value message = Value::object({{"id", experiment["experiment_id"]}, {"name", experiment["display_name"]}});
  if (experiment.has("description")) message.set("description", experiment["description"]);
  message.set("created_at", experiment["created_at"]);
  return message.set("storage_state", storage_state(experiment["storage_state"].string_or()));
}

}  // namespace

Result<Value> create_experiment(Context& context, const Call& call) {
  const Value body = MR_TRY(read_body(
      call, "Experiment", {"id", "name", "description", "created_at", "resource_references", "storage_state"}));
  MR_TRY(referenced(body, "NAMESPACE"));  // one user, as upstream's single-user mode: it is not kept
  const Inner inner(call, Value::object({{"display_name", MR_TRY(text_field(body, "name"))},
                                         {"description", MR_TRY(text_field(body, "description"))}}));
  return to_v1(MR_TRY(api::create_experiment(context, inner.call)));
}

Result<Value> list_experiments(Context& context, const Call& call) {
  Inner inner(call);
  inner.call.query = MR_TRY(list_query(call));
  Value answer = MR_TRY(api::list_experiments(context, inner.call));
  if (Value* list = answer.find("experiments"); list != nullptr && list->is_array()) {
    for (Value& experiment : list->as_array()) experiment = to_v1(experiment);
  }
  return answer;
}

Result<Value> get_experiment(Context& context, const Call& call) {
  return to_v1(MR_TRY(api::get_experiment(context, call)));
}

}  // namespace millrace::pipelines::api::v1beta1
