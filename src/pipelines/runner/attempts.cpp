// An attempt at a task, from the launch to its end.

#include "pipelines/runner/runner.h"

#include <utility>

#include <fmt/core.h>

#include "base/log.h"
#include "pipelines/executors/failure.h"
#include "pipelines/executors/inline_tasks.h"
#include "pipelines/executors/python_server.h"
#include "pipelines/executors/surroundings.h"
#include "pipelines/runner/cache.h"

namespace millrace::pipelines::runner {
namespace {

using engine::Event;

constexpr Millis kStopGrace{10'000};  // between SIGTERM and SIGKILL of a terminated task
constexpr Millis kLostAfter{10'000};  // after SIGKILL: nobody has seen it end
constexpr std::size_t kAhead = 8;     // launches that are prepared while their cause is being stored

}  // namespace

// A directory and a command line do no harm should the launch not come to be; the disk takes its time meanwhile.
void Runner::prepare_ahead(const Run& run) {
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

void Runner::launch(const Run& run, const std::string& path, int attempt) {
  // Of no use if there is no slot: what it was prepared with, such as keys that end by their time, may be too old then.
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
  // The answer may come when this is gone; its strands then take no more work.
  needs_.backend.start(std::move(spec), [this, strands = strands_, run, path, attempt](const auto& status) {
    strands->post(run->record().id, [this, run, path, attempt, status] { launched(run, path, attempt, status); });
  });
}

// Of an attempt that is to be launched. It waits for one otherwise, and is launched again then.
bool Runner::has_slot(const Run& run, const engine::Node& node) {
  Slots::Lease& slot = run->attempt_of(node).slot;
  if (!slot) {
    const auto when_free = [this, strands = strands_, weak = std::weak_ptr(run), path = node.path,
                            attempt = node.attempt] {
      const Run waited = weak.lock();
      if (waited) strands->post(waited->record().id, [this, waited, path, attempt] { launch(waited, path, attempt); });
    };
    slot = slots_.take(run->record().id, when_free, run->spec().parallelism);
  }
  return slot.has_slot();
}

// Before anything is prepared: with one that was ready the run gets its directory.
void Runner::take_python_server(const Run& run, const Executor& executor) {
  if (options_.containers) return;
  const std::string environment = executors::python_environment_of(executor);
  if (environment.empty() || !run->python_environments.insert(environment).second || !run->python_taken.empty()) return;
  const auto taken = ready_servers_.take(run->context(), environment);
  if (!taken) return;
  run->python_taken = taken->key;
  run->python_servers[taken->key] = taken->started;
}

Result<ActiveRun::Prepared> Runner::prepare(const Run& run, const engine::Node& node, const Executor& executor) {
  take_python_server(run, executor);
  ActiveRun::Prepared out;
  out.spec = MR_TRY(executors::prepare(options_, hooks_, run->context(), node, executor, &out.build));
  return out;
}

// The attempt has no slot meanwhile: it is another child that works. It is launched again then.
void Runner::wait_for_environment(const Run& run, const engine::Node& node, executors::PythonBuild build) {
  run->attempt_of(node).slot.release();
  const auto log = executors::log_path(options_, run->record().id, node.path, node.attempt);
  const auto made = [this, strands = strands_, weak = std::weak_ptr(run), path = node.path,
                     attempt = node.attempt](const Status& status) {
    const Run waited = weak.lock();
    if (!waited) return;
    strands->post(waited->record().id, [this, waited, path, attempt, status] {
      status ? launch(waited, path, attempt) : failed(waited, path, attempt, status.error());
    });
  };
  environments_.make(std::move(build), log, made);
}

// The first one starts the server, and all ask it, for a while also one that is not up yet. Nothing here waits for it:
// an attempt that finds none is run as it is.
void Runner::serve_python(const Run& run, const Executor& executor, work::Workload& spec) {
  work::Workload asking = spec;
  const auto server = executors::use_python_server(options_, run->context(), executor, run->python_taken, asking);
  if (!server || run->python_server_failed.contains(server->key)) return;
  const Time now = needs_.clock.now();
  const auto [of_run, is_new] = run->python_servers.emplace(server->key, now);
  executors::wait_for_python_server(asking, of_run->second + executors::kPythonServerStart - now);
  spec = std::move(asking);
  if (!is_new) return;
  needs_.backend.start(*server, [key = server->key, strands = strands_, run](const auto& started) {
    if (started) return;
    log::warn("{} cannot be started: {}", key, started.error().message);
    strands->post(run->record().id, [run, key] { run->python_server_failed.insert(key); });
  });
}

void Runner::launched(const Run& run, const std::string& path, int attempt, const Result<work::WorkStatus>& status) {
  const engine::Node* asked = run->open_attempt(path, attempt);
  if (asked == nullptr) {
    // It was given up meanwhile. Should it have started after all, it is nobody's.
    if (status && !status->is_over()) stop_child(run, path, attempt);
    return;
  }
  run->attempt_of(*asked).in_flight = false;
  if (!status) return failed(run, path, attempt, status.error());
  // It was launched before a crash, and has ended since.
  if (status->is_over()) return ended(run, path, attempt, *status);
  run->advance(event_now(Event::Kind::launched, path, attempt), true);
  const engine::Node* started = run->open_attempt(path, attempt);
  if (started == nullptr) return;
  watch_deadline(run, *started);
  if (!run->state().may_launch(*started)) stop_task(run, path, attempt);
}

bool Runner::complete_without_process(const Run& run, const engine::Node& node, const Executor& executor) {
  const std::string path = node.path;
  const int attempt = node.attempt;
  if (auto outcome = executors::run_inline(options_, hooks_, run->context(), node, executor)) {
    if (*outcome)
      succeed(run, path, attempt, std::move(**outcome), false);
    else
      failed(run, path, attempt, outcome->error());
    return true;
  }
  const std::string fingerprint = fingerprint_before(run, node, executor);
  if (fingerprint.empty()) return false;
  std::optional<CacheEntry> cached;
  const Status looked = needs_.database.read([&](db::Connection& connection) -> Status {
    cached = MR_TRY(find_cached(connection, fingerprint));
    return {};
  });
  if (!looked) log::error("run {}: the cache cannot be read: {}", run->record().id, looked.error().message);
  if (!looked || !cached || !bytes_are_there(options_, hooks_, run->context(), *cached)) return false;
  succeed(run, path, attempt, std::move(cached->outputs), true);
  return true;
}

// Empty: the task is not to be cached.
std::string Runner::fingerprint_before(const Run& run, const engine::Node& node, const Executor& executor) {
  if (!options_.caching || !node.task->cached) return {};
  auto surroundings = executors::surroundings_digest(options_, hooks_, run->context(), node, executor);
  if (!surroundings) {
    log::warn("run {}: {} is not cached: {}", run->record().id, node.path, surroundings.error().message);
    return {};
  }
  const std::string fingerprint = cache_fingerprint(options_, run->context(), node, executor, *surroundings);
  run->attempt_of(node).surroundings = std::move(*surroundings);
  return fingerprint;
}

// The same, when the task has ended. Of surroundings that changed meanwhile (an edited file, another Secret) nobody
// knows which ones left the outputs.
std::string Runner::fingerprint_after(const Run& run, const engine::Node& node, const Executor& executor) {
  if (!options_.caching || !node.task->cached) return {};
  const auto surroundings = executors::surroundings_digest(options_, hooks_, run->context(), node, executor);
  if (!surroundings || *surroundings != run->attempt_of(node).surroundings) return {};
  return cache_fingerprint(options_, run->context(), node, executor, *surroundings);
}

void Runner::succeed(const Run& run, const std::string& path, int attempt, executors::Outputs outputs, bool cached) {
  Event event = event_now(Event::Kind::finished, path, attempt);
  event.succeeded = true;
  event.cached = cached;
  event.output_parameters = std::move(outputs.parameters);
  event.output_artifacts = std::move(outputs.artifacts);
  apply(run, std::move(event));
}

// A task, or a whole run, that may not take longer. Told anew after a restart, from the same beginning.
void Runner::watch_deadline(const Run& run, const engine::Node& node) {
  const Executor* executor = run->state().executor_of(node);
  if (executor == nullptr || executor->deadline_seconds == 0 || !node.started) return;
  const Time due = *node.attempt_started + Millis(executor->deadline_seconds * 1'000);
  alarm(due, run,
        [this, path = node.path, attempt = node.attempt](const Run& late) { stop_task(late, path, attempt); });
}

void Runner::failed(const Run& run, const std::string& path, int attempt, const Error& error) {
  if (run->open_attempt(path, attempt) == nullptr) return;
  Event event = event_now(Event::Kind::finished, path, attempt);
  event.error = error.message;
  event.retryable = error.code == Code::unavailable || error.code == Code::resource_exhausted;
  apply(run, std::move(event));
}

void Runner::ended(const Run& run, const std::string& path, int attempt, const work::WorkStatus& status) {
  const engine::Node* node = run->open_attempt(path, attempt);
  if (node == nullptr) return;
  Event event = event_now(Event::Kind::finished, path, attempt);
  if (!run->state().may_launch(*node)) {
    event.error = "the run was terminated";  // whatever its exit code: what it left may be half of it
  } else if (status.succeeded()) {
    auto outputs = executors::collect(options_, run->context(), *node);
    if (outputs) {
      if (const Status may = executors::check_stores(run->context().rights.get(), outputs->artifacts); !may)
        outputs = fail(may.error());
    }
    if (outputs) {
      if (const Status kept = executors::publish(options_, hooks_, run->context(), *node, *outputs); !kept)
        outputs = fail(kept.error());
    }
    if (outputs) {
      event.succeeded = true;
      const std::string fingerprint = fingerprint_after(run, *node, *run->state().executor_of(*node));
      if (!fingerprint.empty()) {
        Value written = written_bytes(options_, run->context(), outputs->artifacts);
        run->remember({fingerprint, *outputs, std::move(written)}, event.at);
      }
      event.output_parameters = std::move(outputs->parameters);
      event.output_artifacts = std::move(outputs->artifacts);
    } else {
      event.error = outputs.error().message;
    }
  } else {
    const Executor* executor = run->state().executor_of(*node);
    if (status.state == work::WorkStatus::State::exited) event.exit_code = status.exit_code;
    event.error = executors::describe_failure(options_, hooks_, run->context(), *node, *executor, status);
    const Millis allowed(executor->deadline_seconds * 1'000);
    if (allowed > Millis(0) && node->attempt_started && event.at - *node->attempt_started >= allowed) {
      event.error = fmt::format("the task was ended after its activeDeadlineSeconds, {}", executor->deadline_seconds);
    }
  }
  if (!event.succeeded && run->state().may_launch(*node)) keep_left(run, *node, event);
  apply(run, std::move(event));
}

// Of a task that failed: what it has left, so that somebody can look at it. Nothing else needs it.
void Runner::keep_left(const Run& run, const engine::Node& node, Event& event) {
  executors::Outputs left = executors::collect_left(options_, run->context(), node);
  Status kept = executors::check_stores(run->context().rights.get(), left.artifacts);
  if (kept) kept = executors::publish(options_, hooks_, run->context(), node, left);
  if (!kept) log::warn("run {}: what {} left is not kept: {}", run->record().id, node.path, kept.error().message);
  event.output_parameters = std::move(left.parameters);
  if (kept) event.output_artifacts = std::move(left.artifacts);
}

void Runner::stop_task(const Run& run, const std::string& path, int attempt) {
  const engine::Node* node = run->open_attempt(path, attempt);
  if (node == nullptr) return;
  if (node->state == engine::NodeState::launching && !run->attempt_of(*node).in_flight) {
    // It waits for a slot: nothing was started.
    return failed(run, path, attempt, Error(Code::cancelled, "the run was terminated"));
  }
  close_if_lost(run, *node);
  stop_child(run, path, attempt);
}

void Runner::stop_child(const Run& run, const std::string& path, int attempt) {
  const std::string key = executors::launch_key(run->record().id, path, attempt);
  if (const Status stopped = needs_.backend.stop(key, kStopGrace); !stopped)
    log::error("run {}: {} cannot be stopped: {}", run->record().id, path, stopped.error().message);
}

void Runner::close_if_lost(const Run& run, const engine::Node& node) {
  if (std::exchange(run->attempt_of(node).is_stopping, true)) return;
  alarm(needs_.clock.now() + kStopGrace + kLostAfter, run,
        [this, path = node.path, attempt = node.attempt](const Run& late) {
          if (late->open_attempt(path, attempt) == nullptr) return;
          log::error("run {}: nobody has seen {} end, which was stopped; it counts as lost", late->record().id, path);
          work::WorkStatus lost;
          lost.state = work::WorkStatus::State::lost;
          ended(late, path, attempt, lost);
        });
}

std::string Runner::run_of_child(const std::string& launch_key) {
  std::string run_id, path;
  int attempt = 0;
  const std::string servers = executors::python_server_keys_of("");
  if (executors::is_ready_python_server(launch_key))
    run_id = ready_servers_.run_of(launch_key);
  else if (launch_key.starts_with(servers))
    run_id = launch_key.substr(servers.size(), launch_key.find('/', servers.size()) - servers.size());
  else
    executors::parse_launch_key(launch_key, run_id, path, attempt);
  return is_active(run_id) ? run_id : std::string();
}

}  // namespace millrace::pipelines::runner
