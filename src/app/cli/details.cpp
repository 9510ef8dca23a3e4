#include "app/cli/details.h"

#include <map>

#include "app/cli/find.h"

namespace millrace::app {
namespace {

constexpr std::size_t kMaxArtifacts = 100'000;  // of a run

// Calls `take` with each task of the run and what the console has of it.
template <class Take>
void each_task(Value& run, const Value& console, const Take& take) {
  std::map<std::string, const Value*> known;
  for (const Value& task : console["tasks"].items()) known.emplace(task["id"].string_or(), &task);
  Value* details = run.find("run_details");
  Value* tasks = details != nullptr ? details->find("task_details") : nullptr;
  if (tasks == nullptr || !tasks->is_array()) return;
  for (Value& task : tasks->as_array()) {
    const auto found = known.find(task["task_id"].string_or());
    if (found != known.end() && task.is_object()) take(task, *found->second);
  }
}

using Ids = std::map<std::string, const Value*>;  // the API's artifacts, by uri

Value artifact_message(const Value& artifact, const Ids& ids) {
  Value message = Value::object();
  const auto found = ids.find(artifact["uri"].string_or());
  if (found != ids.end()) message.set("artifact_id", (*found->second)["artifact_id"]);
  message.set("name", artifact["name"]).set("type", artifact["type"]["schemaTitle"]).set("uri", artifact["uri"]);
  return message.set_if(!artifact["metadata"].empty(), "metadata", artifact["metadata"]);
}

Value values_message(const Value& side, const Ids& ids) {
  Value artifacts = Value::object();
  for (const auto& [name, list] : side["artifacts"].members()) {
    Value all = Value::array();
    for (const Value& artifact : list["artifacts"].items()) all.push(artifact_message(artifact, ids));
    artifacts.set(name, std::move(all));
  }
  return Value::object({{"parameters", side["parameters"].is_object() ? side["parameters"] : Value::object()},
                        {"artifacts", std::move(artifacts)}});
}

// null: this client may not ask.
Result<Value> console_of(ApiClient& client, const Value& run) {
  auto console = client.console_run(run["run_id"].string_or());
  if (!console && console.error().code == Code::permission_denied) return Value();
  return console;
}

}  // namespace

void add_task_facts(Value& run, const Value& console) {
  each_task(run, console, [](Value& task, const Value& known) {
    task.set("cached", known["cached"].bool_or(false)).set("attempt", known["attempt"].int_or(0));
    task.set("depends_on", known["depends_on"]);
  });
}

void add_task_values(Value& run, const Value& console, const Value& artifacts) {
  Ids ids;
  for (const Value& artifact : artifacts.items()) ids.emplace(artifact["uri"].string_or(), &artifact);
  each_task(run, console, [&](Value& task, const Value& known) {
    task.set("values", Value::object({{"inputs", values_message(known["inputs"], ids)},
                                      {"outputs", values_message(known["outputs"], ids)}}));
  });
}

Status add_facts(ApiClient& client, Value& run) {
  add_task_facts(run, MR_TRY(console_of(client, run)));
  return {};
}

Status add_details(ApiClient& client, Value& run) {
  const Value console = MR_TRY(console_of(client, run));
  if (console.is_null()) return {};
  const Value artifacts =
      MR_TRY(list_all(client, "/artifacts?filter=" + filter({{"EQUALS", "run_id", run["run_id"].string_or()}}),
                      "artifacts", kMaxArtifacts));
  add_task_facts(run, console);
  add_task_values(run, console, artifacts);
  return {};
}

}  // namespace millrace::app
