// An attempt at a task, from the launch to its end.

#include "pipelines/runner/attempts.h"

#include <utility>

#include "base/log.h"
#include "pipelines/executors/inline_tasks.h"
#include "pipelines/executors/python_server.h"

namespace millrace::pipelines::runner {
namespace {

using engine::Event;

constexpr Millis kStopGrace{10'000};  // between SIGTERM and SIGKILL of a terminated task
constexpr Millis kLostAfter{10'000};  // after SIGKILL: nobody has seen it end
constexpr std::size_t kAhead = 8;     // launches that are prepared while their cause is being stored

}  // namespace

Attempts::Attempts(Needs needs, const Options& options, const Hooks& hooks, Timers& timers, RunQueue queue, Find find)
    : needs_(needs),
      options_(options),
      hooks_(hooks),
      queue_(std::move(queue)),
      find_(std::move(find)),
      ready_servers_(needs, options, hooks),
      slots_(options.max_running_tasks),
      environments_(needs.backend, needs.clock, executors::python_places(options), timers) {
  subscribe();
}

void Attempts::begin(bool idle) {
  ready_servers_.begin();
  environments_.begin(idle);
}

void Attempts::close() {
  ends_.clear();
  slots_.close();
}

void Attempts::stop_servers() { ready_servers_.stop(); }

// A directory and a command line do no harm should the launch not come to be; the disk takes its time meanwhile.
void Attempts::prepare_ahead(const Run& run) {
  for (const engine::Command& command : run->commands()) {
    if (run->prepared.size() >= kAhead) return;
    if (command.kind != engine::Command::Kind::launch) continue;
    const engine::Node* node = run->open_attempt(command.path, command.attempt);
    if (node == nullptr || node->state != engine::NodeState::launching || !run->state().may_launch(*node)) continue;
    const Executor& executor = *run->state().executor_of(*node);
    if ((options_.caching && node->task->cached) || executors::runs_inline(executor)) continue;  // may need no process
    if (run->prepared.contains(command.path)) continue;
    run->prepared.emplace(command.path, prepare(run, *node, executor));
  }
}

void Attempts::launch(const Run& run, const std::string& path, int attempt) {
  // Dropped if there is no slot: what it was prepared with, such as keys that end by their time, may be too old then.
  auto ahead = run->prepared.extract(path);
  const engine::Node* node = run->open_attempt(path, attempt);
  if (node == nullptr || node->state != engine::NodeState::launching || run->attempt_of(*node).in_flight) return;
  if (!run->state().may_launch(*node))
    return failed(run, path, attempt, Error(Code::cancelled, "the run was terminated"));
  const Executor* executor = run->state().executor_of(*node);
  if (complete_without_process(run, *node, *executor)) return;
  if (!has_slot(run, *node)) return;
  const std::string key = executors::launch_key(run->record().id, path, attempt);
  const bool fits = ahead && (!ahead.mapped() || ahead.mapped()->spec.key == key);
  auto prepared = fits ? std::move(ahead.mapped()) : prepare(run, *node, *executor);
  if (!prepared) return failed(run, path, attempt, prepared.error());
  if (prepared->build) return wait_for_environment(run, *node, std::move(*prepared->build));
  work::Workload& spec = prepared->spec;
  serve_python(run, *executor, spec);
  run->attempt_of(*node).in_flight = true;
  // The answer may come when this is gone; its queue then takes no more work.
  needs_.backend.start(std::move(spec), [this, queue = queue_, run, path, attempt](const auto& status) {
    queue.post(run, [this, run, path, attempt, status] { launched(run, path, attempt, status); });
  });
}

// Of an attempt that is to be launched. It waits for one otherwise, and is launched again then.
bool Attempts::has_slot(const Run& run, const engine::Node& node) {
  Slots::Lease& slot = run->attempt_of(node).slot;
  if (!slot) {
    const auto when_free = [this, queue = queue_, weak = std::weak_ptr(run), path = node.path, attempt = node.attempt] {
      queue.post(weak, [this, path, attempt](const Run& waited) { launch(waited, path, attempt); });
    };
    slot = slots_.take(run->record().id, when_free, run->spec().parallelism);
  }
  return slot.has_slot();
}

// Before anything is prepared: with one that was ready the run gets its directory.
void Attempts::take_python_server(const Run& run, const Executor& executor) {
  if (options_.containers) return;
  const std::string environment = executors::python_environment_of(executor);
  if (environment.empty() || !run->python_environments.insert(environment).second || !run->python_taken.empty()) return;
  const auto taken = ready_servers_.take(run->context(), environment);
  if (!taken) return;
  run->python_taken = taken->key;
  run->python_servers[taken->key] = taken->started;
}

Result<ActiveRun::Prepared> Attempts::prepare(const Run& run, const engine::Node& node, const Executor& executor) {
  take_python_server(run, executor);
  ActiveRun::Prepared out;
  out.spec = MR_TRY(executors::prepare(options_, hooks_, run->context(), node, executor, &out.build));
  return out;
}

// The attempt has no slot meanwhile: it is another child that works. It is launched again then.
void Attempts::wait_for_environment(const Run& run, const engine::Node& node, work::PythonBuild build) {
  run->attempt_of(node).slot.release();
  const auto log = executors::log_path(options_, run->record().id, node.path, node.attempt);
  const auto made = [this, queue = queue_, weak = std::weak_ptr(run), path = node.path, attempt = node.attempt](
                        const Status& status, const std::string&) {
    queue.post(weak, [this, path, attempt, status](const Run& waited) {
      status ? launch(waited, path, attempt) : failed(waited, path, attempt, status.error());
    });
  };
  environments_.make(std::move(build), log, made);
}

// The first one starts the server, and all ask it, for a while also one that is not up yet. Nothing here waits for it:
// an attempt that finds none is run as it is.
void Attempts::serve_python(const Run& run, const Executor& executor, work::Workload& spec) {
  work::Workload asking = spec;
  const auto server = executors::use_python_server(options_, run->context(), executor, run->python_taken, asking);
  if (!server || run->python_server_failed.contains(server->key)) return;
  const Time now = needs_.clock.now();
  const auto [of_run, is_new] = run->python_servers.emplace(server->key, now);
  executors::wait_for_python_server(asking, of_run->second + executors::kPythonServerStart - now);
  spec = std::move(asking);
  if (!is_new) return;
  needs_.backend.start(*server, [key = server->key, queue = queue_, run](const auto& started) {
    if (started) return;
    log::warn("{} cannot be started: {}", key, started.error().message);
    queue.post(run, [run, key] { run->python_server_failed.insert(key); });
  });
}

void Attempts::launched(const Run& run, const std::string& path, int attempt, const Result<work::WorkStatus>& status) {
  const engine::Node* asked = run->open_attempt(path, attempt);
  if (asked == nullptr) {
    // It was given up meanwhile. Should it have started after all, nobody waits for it.
    if (status && !status->is_over()) stop_child(run, path, attempt);
    return;
  }
  run->attempt_of(*asked).in_flight = false;
  if (!status) return failed(run, path, attempt, status.error());
  // It was launched before a crash, and has ended since.
  if (status->is_over()) return ended(run, path, attempt, *status);
  run->advance(queue_.event(Event::Kind::launched, path, attempt), true);
  const engine::Node* started = run->open_attempt(path, attempt);
  if (started == nullptr) return;
  watch_deadline(run, *started);
  if (!run->state().may_launch(*started)) stop(run, path, attempt);
}

// A task that may not take longer. Counted anew after a restart, from the same beginning.
void Attempts::watch_deadline(const Run& run, const engine::Node& node) {
  const Executor* executor = run->state().executor_of(node);
  if (executor == nullptr || executor->deadline_seconds == 0 || !node.attempt_started) return;
  const Time due = *node.attempt_started + Millis(executor->deadline_seconds * 1'000);
  run->attempt_of(node).deadline = queue_.at(
      due, run, [this, path = node.path, attempt = node.attempt](const Run& late) { stop(late, path, attempt); });
}

void Attempts::stop(const Run& run, const std::string& path, int attempt) {
  const engine::Node* node = run->open_attempt(path, attempt);
  if (node == nullptr) return;
  const bool in_flight = run->is_recovering || run->attempt_of(*node).in_flight;
  if (node->state == engine::NodeState::launching && !in_flight) {
    // It waits for a slot: nothing was started.
    return failed(run, path, attempt, Error(Code::cancelled, "the run was terminated"));
  }
  close_if_lost(run, *node);
  stop_child(run, path, attempt);
}

void Attempts::stop_child(const Run& run, const std::string& path, int attempt) {
  const std::string key = executors::launch_key(run->record().id, path, attempt);
  if (const Status stopped = needs_.backend.stop(key, kStopGrace); !stopped)
    log::error("run {}: {} cannot be stopped: {}", run->record().id, path, stopped.error().message);
}

void Attempts::close_if_lost(const Run& run, const engine::Node& node) {
  if (std::exchange(run->attempt_of(node).is_stopping, true)) return;
  run->attempt_of(node).lost = queue_.at(
      queue_.now() + kStopGrace + kLostAfter, run, [this, path = node.path, attempt = node.attempt](const Run& late) {
        if (late->open_attempt(path, attempt) == nullptr) return;
        log::error("run {}: nobody has seen {} end, which was stopped; it counts as lost", late->record().id, path);
        work::WorkStatus lost;
        lost.state = work::WorkStatus::State::lost;
        ended(late, path, attempt, lost);
      });
}

void Attempts::recover_servers(const Run& run) {
  for (const std::string& key : executors::python_servers_of(options_, run->record().id)) {
    const auto status = needs_.backend.status(key);
    if (!status || !*status || (*status)->is_over()) continue;
    run->python_servers[key];
    if (!executors::is_ready_python_server(key)) continue;
    run->python_taken = key;
    ready_servers_.has(run->record().id, key);
  }
}

Status Attempts::recover(const Run& run, const Open& open) {
  recover_servers(run);
  for (const auto& [path, attempt] : open) {
    // Without the backend nothing can be known about the children; they are not declared dead for it.
    auto status = MR_TRY(needs_.backend.status(executors::launch_key(run->record().id, path, attempt)));
    if (const engine::Node* node = run->open_attempt(path, attempt)) recover(run, *node, std::move(status));
  }
  return {};
}

void Attempts::recover(const Run& run, const engine::Node& node, std::optional<work::WorkStatus> status) {
  const std::string path = node.path;
  const int attempt = node.attempt;
  // Asked for since the restart, when nothing was known of the attempt.
  const bool is_stopping = run->attempt_of(node).is_stopping;
  if (!status && ran_elsewhere(node)) return begin_anew(run, node);
  if (!status && node.state == engine::NodeState::launching) {
    if (is_stopping) return failed(run, path, attempt, Error(Code::cancelled, "the task was stopped"));
    // Its cause may be an event since the restart that the database has not taken yet.
    return run->command({engine::Command::Kind::launch, path, attempt, {}, false, ""});
  }
  if (!status) {
    status.emplace();
    status->state = work::WorkStatus::State::lost;
  }
  if (status->is_over()) return ended(run, path, attempt, *status);
  run->attempt_of(node).slot = slots_.occupy(run->record().id);
  if (node.state == engine::NodeState::launching) run->advance(queue_.event(Event::Kind::launched, path, attempt));
  const engine::Node* running = run->open_attempt(path, attempt);
  if (running == nullptr) return;
  if (is_stopping || !run->state().may_launch(*running))
    stop(run, path, attempt);
  else
    watch_deadline(run, *running);
}

// In the server that the data were copied from.
bool Attempts::ran_elsewhere(const engine::Node& node) const {
  return node.state == engine::NodeState::running && options_.copied && node.attempt_started <= options_.copied;
}

// Whatever the attempt comes to there, this run goes on by one of its own.
void Attempts::begin_anew(const Run& run, const engine::Node& node) {
  if (run->attempt_of(node).is_stopping)
    return failed(run, node.path, node.attempt, Error(Code::cancelled, "the task was stopped"));
  Event event = queue_.event(Event::Kind::finished, node.path, node.attempt);
  event.error = "it ran when these data were copied from another server's, and begins again";
  event.counts = false;
  run->advance(std::move(event));
}

void Attempts::run_ended(const Run& run) {
  for (const auto& [key, started] : run->python_servers) {
    if (const Status stopped = needs_.backend.stop(key, Millis(0)); !stopped)
      log::warn("{} cannot be stopped: {}", key, stopped.error().message);
  }
  for (const std::string& environment : run->python_environments) ready_servers_.start(environment);
  // Its attempts are never asked for again: a retry of the run counts on from them.
  const std::string& id = run->record().id;
  if (const Status forgotten = needs_.backend.forget(executors::launch_keys_of(id)); !forgotten)
    log::warn("run {}: {}", id, forgotten.error().message);
}

std::string Attempts::run_of_child(const std::string& launch_key) const {
  std::string run_id, path;
  int attempt = 0;
  const std::string servers = executors::python_server_keys_of("");
  if (executors::is_ready_python_server(launch_key))
    run_id = ready_servers_.run_of(launch_key);
  else if (launch_key.starts_with(servers))
    run_id = launch_key.substr(servers.size(), launch_key.find('/', servers.size()) - servers.size());
  else
    executors::parse_launch_key(launch_key, run_id, path, attempt);
  return find_(run_id) ? run_id : std::string();
}

}  // namespace millrace::pipelines::runner
