#include "pipelines/runner/containers.h"

#include <unordered_map>
#include <utility>

#include <fmt/core.h>

#include "pipelines/engine/rules.h"
#include "pipelines/executors/attempt_files.h"
#include "pipelines/executors/inputs.h"
#include "pipelines/executors/pod_fragments.h"
#include "pipelines/runner/active_run.h"
#include "pipelines/runner/records.h"

namespace millrace::pipelines::runner {
namespace {

using Previous = ContainerView::Previous;
using Attempts = std::unordered_map<std::string, std::unordered_map<int, Previous>>;  // by path and number

struct Stored {
  std::optional<RunRecord> record;
  Value spec;
  std::vector<engine::Event> events;
};

Result<Stored> read_stored(db::Database& database, const std::string& run_id) {
  Stored stored;
  MR_TRY(database.read([&](db::Connection& connection) -> Status {
    stored.record = MR_TRY(find_run(connection, run_id));
    if (!stored.record) return fail(Code::not_found, fmt::format("Run {} not found", run_id));
    stored.spec = MR_TRY(read_spec(connection, run_id));
    stored.events = MR_TRY(read_events(connection, run_id));
    return {};
  }));
  return stored;
}

// Of an end that is reported twice, the first counts, as in the engine.
Attempts attempts_of(const std::vector<engine::Event>& events) {
  Attempts attempts;
  for (const engine::Event& event : events) {
    const bool launched = event.kind == engine::Event::Kind::launched;
    if (!launched && event.kind != engine::Event::Kind::finished) continue;
    Previous& attempt = attempts[event.path][event.attempt];
    if (launched) attempt.started = event.at;
    if (launched || attempt.ended != Time{}) continue;
    attempt.ended = event.at;
    attempt.exit_code = event.exit_code;
    attempt.error = event.error;
  }
  return attempts;
}

Value security_context(const Executor& executor) {
  Value context = Value::object();
  if (executor.run_as_user) context.set("runAsUser", *executor.run_as_user);
  if (executor.run_as_group) context.set("runAsGroup", *executor.run_as_group);
  context.set_if(executor.run_as_non_root, "runAsNonRoot", true);
  return context;
}

void set_filled(Value& object, std::string_view key, Value value) {
  object.set_if(!value.empty(), key, std::move(value));
}

Result<ContainerView> view_of_task(const Options& options, const executors::RunContext& run, const engine::Node& node,
                                   const Executor& executor) {
  const auto directory = executors::attempt_directory(options, run.run_id, node.path, node.attempt);
  const Value input = MR_TRY(executors::executor_input(options, run, node, directory));
  const auto context = executors::placeholders(options, run, node, input);
  ContainerView view{executors::pod_name(run, node),
                     node.attempt,
                     Value::object(),
                     Value::object(),
                     executor.labels,
                     executor.annotations};
  view.container.set("image", MR_TRY(executors::substitute(executor.image, context)));
  set_filled(view.container, "command", Value::texts(executor.command));
  set_filled(view.container, "args", Value::texts(executor.arguments));
  set_filled(view.container, "env", MR_TRY(executors::pod_environment(executor, node, context)));
  set_filled(view.container, "envFrom", executors::pod_environment_sources(executor, node));
  set_filled(view.container, "resources", MR_TRY(executors::pod_resources(executor.resources, context)));
  set_filled(view.container, "securityContext", security_context(executor));
  executors::PodVolumes volumes = executors::pod_volumes(executor, run, node, context);
  set_filled(view.container, "volumeMounts", std::move(volumes.mounts));
  set_filled(view.pod, "volumes", std::move(volumes.volumes));
  set_filled(view.pod, "nodeSelector", executors::pod_node_selector(executor.placement, node));
  set_filled(view.pod, "affinity", executors::pod_affinity(executor.placement, node));
  set_filled(view.pod, "tolerations", executors::pod_tolerations(executor.tolerations, node));
  view.pod.set_if(executor.deadline_seconds > 0, "activeDeadlineSeconds", executor.deadline_seconds);
  return view;
}

}  // namespace

Result<std::vector<ContainerView>> containers(db::Database& database, const Options& options,
                                              const std::string& run_id) {
  Stored stored = MR_TRY(read_stored(database, run_id));
  if (!stored.events.empty()) MR_TRY(engine::check_rules(stored.events.front().rules));
  const auto run = MR_TRY(ActiveRun::load(std::move(*stored.record), stored.spec));
  for (const engine::Event& event : stored.events) run->replay(event);
  const Attempts attempts = attempts_of(stored.events);
  std::vector<ContainerView> views;
  for (const auto& node : run->state().nodes()) {
    const Executor* executor = node->component->dag ? nullptr : run->state().executor_of(*node);
    if (executor == nullptr || executor->importer || !node->started) continue;
    auto view = view_of_task(options, run->context(), *node, *executor);
    if (!view) continue;  // a placeholder that does not resolve failed the task, which says so
    if (const auto tried = attempts.find(node->path); tried != attempts.end()) {
      const auto before = tried->second.find(node->attempt - 1);
      if (before != tried->second.end() && before->second.ended != Time{}) view->previous = before->second;
    }
    views.push_back(std::move(*view));
  }
  return views;
}

}  // namespace millrace::pipelines::runner
