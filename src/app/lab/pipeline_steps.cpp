#include <fmt/core.h>

#include "app/lab/assets.h"
#include "app/lab/steps.h"
#include "base/time.h"
#include "base/yaml.h"

namespace millrace::app {
namespace {

double seconds_between(const Value& from, const Value& to) {
  const auto start = parse_rfc3339(from.string_or());
  if (!start) return 0;
  const auto end = parse_rfc3339(to.string_or());
  const Time until = end && to_epoch_ms(*end) > 0 ? *end : SystemClock().now();
  return to_epoch_seconds(until) - to_epoch_seconds(*start);
}

}  // namespace

Result<std::string> submit_pipeline(LabClient& client, const std::string& role_arn, const std::string& bucket) {
  const auto documents = MR_TRY(parse_yaml_documents(lab_asset("mnist_classification.yaml")));
  Value spec = Value::object();
  for (const Value& document : documents) {
    spec.set(document.has("platforms") ? "platform_spec" : "pipeline_spec", document);
  }
  const Value run = Value::object(
      {{"display_name", "MNIST Classification"},
       {"pipeline_spec", std::move(spec)},
       {"runtime_config",
        Value::object({{"parameters",
                        Value::object({{"role_arn", role_arn}, {"bucket", bucket}, {"region", client.region}})}})}});
  const Value created = MR_TRY(client.pipelines("POST", "/runs", run));
  return created["run_id"].string_or();
}

Result<RunState> look_at_run(LabClient& client, const std::string& run_id) {
  const Value run = MR_TRY(client.pipelines("GET", "/runs/" + run_id, Value()));
  RunState result;
  result.state = run["state"].string_or();
  result.error = run["error"]["message"].string_or();
  for (const Value& task : run["run_details"]["task_details"].items()) {
    // The run itself stands among its tasks as the root of the graph.
    if (task["display_name"].string_or() == "root" || task["parent_task_id"].string_or().empty()) continue;
    LabStep step;
    step.name = task["display_name"].string_or();
    step.state = task["state"].string_or("PENDING");
    if (step.state == "RUNTIME_STATE_UNSPECIFIED") step.state = "PENDING";
    step.seconds = seconds_between(task["start_time"], task["end_time"]);
    step.depth = 1;
    step.note = task["error"]["message"].string_or();
    result.tasks.push_back(std::move(step));
  }
  return result;
}

}  // namespace millrace::app
