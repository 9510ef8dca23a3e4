#include "pipelines/runner/runner.h"

#include <future>
#include <thread>
#include <utility>

#include <fmt/core.h>

#include "base/log.h"
#include "pipelines/executors/container.h"
#include "pipelines/executors/inline_tasks.h"
#include "pipelines/executors/local_images.h"
#include "pipelines/executors/python_server.h"
#include "pipelines/runner/cache.h"

namespace millrace::pipelines::runner {
namespace {

using engine::Event;

constexpr std::size_t kThreads = 4;    // they wait for fsync and for the launcher; they compute nothing
constexpr Millis kStopGrace{10'000};   // between SIGTERM and SIGKILL of a terminated task
constexpr Millis kStoreRetry{1'000};   // while the database cannot be written (a full disk)
constexpr Millis kTakeUpRetry{1'000};  // while the launcher does not answer
constexpr Millis kStoreLater{50};      // that a task has started is told with what comes next, or after this
constexpr std::size_t kAhead = 8;      // launches that are prepared while their cause is being stored

Event event_for(Event::Kind kind, Time at, const std::string& path, int attempt) {
  Event event;
  event.kind = kind;
  event.at = at;
  event.path = path;
  event.attempt = attempt;
  return event;
}

}  // namespace

Runner::Runner(Pipelines::Needs needs, const Options& options, const Hooks& hooks)
    : needs_(needs),
      options_(options),
      hooks_(hooks),
      ready_servers_(needs, options, hooks),
      slots_(options.max_running_tasks),
      strands_(std::make_shared<Strands>(kThreads, [this](const std::string& run_id) { flush(run_id); })),
      alarms_(needs.clock) {}

Runner::Run Runner::find(const std::string& run_id) {
  const std::lock_guard lock(mutex_);
  const auto found = active_.find(run_id);
  return found == active_.end() ? nullptr : found->second;
}

bool Runner::is_active(const std::string& run_id) { return find(run_id) != nullptr; }

void Runner::insert(const Run& run) {
  const std::lock_guard lock(mutex_);
  active_[run->record().id] = run;
}

void Runner::on_change(std::function<void(const std::string& run_id)> listener) {
  const std::lock_guard lock(mutex_);
  listeners_.push_back(std::move(listener));
}

void Runner::changed(const std::string& run_id) {
  std::vector<std::function<void(const std::string&)>> listeners;
  {
    const std::lock_guard lock(mutex_);
    listeners = listeners_;
  }
  for (const auto& listener : listeners) listener(run_id);
}

Result<RunRecord> Runner::create(RunRecord record, const Value& spec, const db::Database::Work& also) {
  set_state(record, "PENDING", record.created);
  const Run run = MR_TRY(ActiveRun::make(std::move(record), spec));
  Event created = event_for(Event::Kind::created, run->record().created, "", 0);
  created.boot = options_.boot;
  apply(run, std::move(created));
  MR_TRY(needs_.database.write([&](db::Connection& connection) -> Status {
    MR_TRY(run->store_new(connection, spec));
    return also ? also(connection) : Status();
  }));
  run->stored();
  RunRecord made = run->record();
  insert(run);
  strands_->post(made.id, [this, run] { watch_deadline(run); });
  changed(made.id);
  return made;
}

Status Runner::retry(const std::string& run_id) {
  auto done = std::make_shared<std::promise<Status>>();
  auto answer = done->get_future();
  const bool posted = strands_->post(run_id, [this, run_id, done] {
    const auto begin_again = [&]() -> Result<Run> {
      const auto refused = fail(Code::failed_precondition,
                                fmt::format("the run {} has not failed: only a run that has can be retried", run_id));
      if (find(run_id)) return refused;
      const Run run = MR_TRY(load(run_id, true));
      if (!run) return fail(Code::not_found, fmt::format("Run {} not found", run_id));
      if (!run->state().finished() || run->record().state != "FAILED") return refused;
      insert(run);
      apply(run, event_for(Event::Kind::retry, needs_.clock.now(), "", 0));
      return run;
    };
    const auto run = begin_again();
    if (run)
      (*run)->when_stored.emplace_back([done] { done->set_value({}); });
    else
      done->set_value(fail(run.error()));
  });
  done.reset();  // a work that is dropped breaks its promise
  if (!posted) return fail(Code::unavailable, "the server is stopping");
  try {
    return answer.get();
  } catch (const std::future_error&) {
    return fail(Code::unavailable, "the server is stopping");
  }
}

Status Runner::terminate(const std::string& run_id) {
  const Run run = find(run_id);
  if (!run) return fail(Code::failed_precondition, fmt::format("the run {} has ended or is being taken up", run_id));
  auto done = std::make_shared<std::promise<bool>>();
  auto answer = done->get_future();
  const bool posted = strands_->post(run_id, [this, run, done] {
    const bool under_way = !run->state().finished();
    if (!under_way) return done->set_value(false);
    if (!run->state().terminating()) apply(run, event_for(Event::Kind::terminate, needs_.clock.now(), "", 0));
    run->when_stored.emplace_back([done] { done->set_value(true); });
  });
  done.reset();  // a work that is dropped breaks its promise
  if (!posted) return fail(Code::unavailable, "the server is stopping");
  try {
    if (answer.get()) return {};
  } catch (const std::future_error&) {
    return fail(Code::unavailable, "the server is stopping");
  }
  return fail(Code::failed_precondition, fmt::format("the run {} has ended", run_id));
}

void Runner::flush(const std::string& run_id) {
  const Run run = find(run_id);
  if (!run) return;
  bool anything = false;
  while (true) {
    if (run->must_store()) {
      if (!store(run)) return run->when_stored.clear();
      anything = true;
    }
    const auto commands = run->take_commands();
    for (const engine::Command& command : commands) perform(run, command);
    if (commands.empty() && !run->must_store()) break;
  }
  for (const auto& call : std::exchange(run->when_stored, {})) call();
  if (anything) changed(run_id);
  if (run->state().finished()) return finish(run);
  if (!run->has_unstored() || std::exchange(run->store_is_due, true)) return;
  alarm(needs_.clock.now() + kStoreLater, run, [](const Run& now) {
    now->store_is_due = false;
    now->hurry();
  });
}

// On the run's strand, if the run is still under way then.
void Runner::alarm(Time due, const Run& run, std::function<void(const Run&)> call) {
  alarms_.at(due, [this, weak = std::weak_ptr(run), call = std::move(call)] {
    const Run still = weak.lock();
    if (still) strands_->post(still->record().id, [still, call] { call(still); });
  });
}

// The state is ahead of the disk until this succeeds; nothing may be commanded before. false: the server stops.
bool Runner::store(const Run& run) {
  while (true) {
    std::promise<Status> done;
    needs_.database.write_async([run](db::Connection& connection) { return run->store(connection); },
                                [&done](Status status) { done.set_value(std::move(status)); });
    std::this_thread::yield();  // to the writer, should it stand in line behind this thread: first it makes the disk
                                // work
    prepare_ahead(run);
    const Status stored = done.get_future().get();
    if (stored) break;
    log::error("run {}: what happened cannot be stored: {}", run->record().id, stored.error().message);
    {
      const std::lock_guard lock(mutex_);
      if (stopping_) return false;
    }
    std::this_thread::sleep_for(kStoreRetry);
  }
  run->stored();
  return true;
}

// A directory and a command line do no harm should the launch not come to be; the disk takes its time meanwhile.
void Runner::prepare_ahead(const Run& run) {
  for (const engine::Command& command : run->commands()) {
    if (run->prepared.size() >= kAhead) return;
    if (command.kind != engine::Command::Kind::launch) continue;
    const engine::Node* node = run->open_attempt(command.path, command.attempt);
    if (node == nullptr || node->state != engine::NodeState::launching || !run->state().may_launch(*node)) continue;
    const Executor& executor = *run->state().executor_of(*node);
    if ((options_.caching && node->task->cached) || executors::runs_inline(executor)) continue;  // may need no process
    const std::string key = executors::launch_key(run->record().id, command.path, command.attempt);
    if (run->prepared.contains(key)) continue;
    run->prepared.emplace(key, prepare(run, *node, executor));
  }
}

void Runner::finish(const Run& run) {
  const std::string& id = run->record().id;
  {
    const std::lock_guard lock(mutex_);
    active_.erase(id);
  }
  if (ended_) ended_();
  for (const auto& [key, started] : run->python_servers) {
    if (const Status stopped = needs_.launcher.stop(key, Millis(0)); !stopped)
      log::warn("{} cannot be stopped: {}", key, stopped.error().message);
  }
  for (const std::string& environment : run->python_environments) ready_servers_.start(environment);
  // Its attempts are never asked for again: a retry of the run counts on from them.
  if (const Status forgotten = needs_.launcher.forget(executors::launch_keys_of(id)); !forgotten)
    log::warn("run {}: {}", id, forgotten.error().message);
}

void Runner::perform(const Run& run, const engine::Command& command) {
  switch (command.kind) {
    case engine::Command::Kind::launch:
      return launch(run, command.path, command.attempt);
    case engine::Command::Kind::stop:
      return stop_task(run, command.path, command.attempt);
    case engine::Command::Kind::timer:
      return alarm(command.due, run, [this, path = command.path, attempt = command.attempt](const Run& again) {
        const engine::Node* node = again->state().find(path);
        if (node == nullptr || node->attempt != attempt || node->state != engine::NodeState::backing_off) return;
        apply(again, event_for(Event::Kind::timer, needs_.clock.now(), path, attempt));
      });
    case engine::Command::Kind::finish_run:
      return;  // finish(), when all is stored
  }
}

void Runner::launch(const Run& run, const std::string& path, int attempt) {
  const engine::Node* node = run->open_attempt(path, attempt);
  if (node == nullptr || node->state != engine::NodeState::launching) return;
  const std::string& run_id = run->record().id;
  const std::string key = executors::launch_key(run_id, path, attempt);
  // Of no use if there is no slot: what it was prepared with, such as keys that end by their time, may be too old then.
  auto ahead = run->prepared.extract(key);
  if (!run->state().may_launch(*node))
    return failed(run, path, attempt, Error(Code::cancelled, "the run was terminated"));
  const Executor* executor = run->state().executor_of(*node);
  if (spare(run, *node, *executor)) return;
  const auto when_free = [this, run, path, attempt] {
    strands_->post(run->record().id, [this, run, path, attempt] { launch(run, path, attempt); });
  };
  const bool has_slot = slots_.take(run_id, key, when_free, run->spec().parallelism);
  if (!has_slot) return;
  auto spec = ahead ? std::move(ahead.mapped()) : prepare(run, *node, *executor);
  if (!spec) return failed(run, path, attempt, spec.error());
  serve_python(run, *executor, *spec);
  run->in_flight.insert(key);
  // The answer may come when this is gone; its strands then take no more work.
  needs_.launcher.launch_async(*spec, [this, strands = strands_, run, path, attempt](const auto& status) {
    strands->post(run->record().id, [this, run, path, attempt, status] { launched(run, path, attempt, status); });
  });
}

// Before anything is prepared: with one that was ready the run gets its directory.
void Runner::take_python_server(const Run& run, const Executor& executor) {
  if (options_.containers) return;
  const std::string environment = executors::python_environment_of(options_, executor);
  if (environment.empty() || !run->python_environments.insert(environment).second || !run->python_taken.empty()) return;
  const auto taken = ready_servers_.take(run->context(), environment);
  if (!taken) return;
  run->python_taken = taken->key;
  run->python_servers[taken->key] = taken->started;
}

Result<proc::LaunchSpec> Runner::prepare(const Run& run, const engine::Node& node, const Executor& executor) {
  take_python_server(run, executor);
  return executors::prepare(options_, hooks_, run->context(), node, executor);
}

// The first one starts the server, and all ask it, for a while also one that is not up yet. Nothing here waits for it:
// an attempt that finds none is run as it is.
void Runner::serve_python(const Run& run, const Executor& executor, proc::LaunchSpec& spec) {
  proc::LaunchSpec asking = spec;
  const auto server = executors::use_python_server(options_, run->context(), executor, run->python_taken, asking);
  if (!server || run->python_server_failed.contains(server->key)) return;
  const Time now = needs_.clock.now();
  const auto [of_run, is_new] = run->python_servers.emplace(server->key, now);
  executors::wait_for_python_server(asking, of_run->second + executors::kPythonServerStart - now);
  spec = std::move(asking);
  if (!is_new) return;
  needs_.launcher.launch_async(*server, [key = server->key, strands = strands_, run](const auto& started) {
    if (started) return;
    log::warn("{} cannot be started: {}", key, started.error().message);
    strands->post(run->record().id, [run, key] { run->python_server_failed.insert(key); });
  });
}

void Runner::launched(const Run& run, const std::string& path, int attempt, const Result<proc::ChildStatus>& status) {
  run->in_flight.erase(executors::launch_key(run->record().id, path, attempt));
  if (!status) return failed(run, path, attempt, status.error());
  // It was launched before a crash, and has ended since.
  if (status->state != proc::ChildStatus::State::running) return ended(run, path, attempt, *status);
  run->advance(event_for(Event::Kind::launched, needs_.clock.now(), path, attempt), true);
  const engine::Node* started = run->open_attempt(path, attempt);
  if (started == nullptr) return;
  watch_deadline(run, *started);
  if (!run->state().may_launch(*started)) stop_task(run, path, attempt);
}

bool Runner::spare(const Run& run, const engine::Node& node, const Executor& executor) {
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
  std::optional<executors::Outputs> cached;
  const Status looked = needs_.database.read([&](db::Connection& connection) -> Status {
    cached = MR_TRY(find_cached(connection, options_, fingerprint));
    return {};
  });
  if (!looked) log::error("run {}: the cache cannot be read: {}", run->record().id, looked.error().message);
  if (!looked || !cached) return false;
  succeed(run, path, attempt, std::move(*cached), true);
  return true;
}

// Empty: the task is not to be cached.
std::string Runner::fingerprint_before(const Run& run, const engine::Node& node, const Executor& executor) {
  if (!options_.caching || !node.task->cached) return {};
  auto code = executors::code_digest(options_, run->context(), node, executor);
  if (!code) {
    log::warn("run {}: {} is not cached: {}", run->record().id, node.path, code.error().message);
    return {};
  }
  const std::string fingerprint = cache_fingerprint(options_, run->context(), node, executor, *code);
  if (!code->empty())
    run->code_before[executors::launch_key(run->record().id, node.path, node.attempt)] = std::move(*code);
  return fingerprint;
}

// The same, when the task has ended. Of code that was edited meanwhile nobody knows which one left the outputs.
std::string Runner::fingerprint_after(const Run& run, const engine::Node& node, const Executor& executor) {
  if (!options_.caching || !node.task->cached) return {};
  const auto before = run->code_before.extract(executors::launch_key(run->record().id, node.path, node.attempt));
  const auto code = executors::code_digest(options_, run->context(), node, executor);
  if (!code || *code != (before ? before.mapped() : std::string())) return {};
  return cache_fingerprint(options_, run->context(), node, executor, *code);
}

void Runner::succeed(const Run& run, const std::string& path, int attempt, executors::Outputs outputs, bool cached) {
  Event event = event_for(Event::Kind::finished, needs_.clock.now(), path, attempt);
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

void Runner::watch_deadline(const Run& run) {
  if (run->spec().deadline_seconds == 0 || run->state().finished()) return;
  alarm(run->record().created + Millis(run->spec().deadline_seconds * 1'000), run, [this](const Run& late) {
    if (late->state().finished() || late->state().terminating()) return;
    apply(late, event_for(Event::Kind::terminate, needs_.clock.now(), "", 0));
  });
}

void Runner::failed(const Run& run, const std::string& path, int attempt, const Error& error) {
  if (run->open_attempt(path, attempt) == nullptr) return;
  slots_.release(run->record().id, executors::launch_key(run->record().id, path, attempt));
  Event event = event_for(Event::Kind::finished, needs_.clock.now(), path, attempt);
  event.error = error.message;
  event.retryable = error.code == Code::unavailable || error.code == Code::resource_exhausted;
  apply(run, std::move(event));
}

void Runner::ended(const Run& run, const std::string& path, int attempt, const proc::ChildStatus& status) {
  const engine::Node* node = run->open_attempt(path, attempt);
  if (node == nullptr) return;
  slots_.release(run->record().id, executors::launch_key(run->record().id, path, attempt));
  if (options_.containers && (status.signal != 0 || status.state == proc::ChildStatus::State::lost)) {
    // The engine's client is dead, its container perhaps not.
    const std::string key = executors::launch_key(run->record().id, path, attempt);
    needs_.launcher.launch_async(executors::remove_container(options_.container_engine, key, options_.directory),
                                 [key](const Result<proc::ChildStatus>& started) {
                                   if (!started)
                                     log::warn("the container of {} cannot be removed: {}", key,
                                               started.error().message);
                                 });
  }
  Event event = event_for(Event::Kind::finished, needs_.clock.now(), path, attempt);
  if (status.state == proc::ChildStatus::State::exited && status.exit_code == 0 && status.signal == 0) {
    auto outputs = executors::collect(options_, run->context(), *node);
    if (outputs) {
      if (const Status kept = executors::publish(options_, hooks_, run->record().id, *outputs); !kept)
        outputs = fail(kept.error());
    }
    if (outputs) {
      event.succeeded = true;
      const std::string fingerprint = fingerprint_after(run, *node, *run->state().executor_of(*node));
      if (!fingerprint.empty()) run->remember({fingerprint, *outputs}, event.at);
      event.output_parameters = std::move(outputs->parameters);
      event.output_artifacts = std::move(outputs->artifacts);
    } else {
      event.error = outputs.error().message;
    }
  } else {
    event.error = executors::describe_failure(options_, run->context(), *node, status);
    const Executor* executor = run->state().executor_of(*node);
    const Millis allowed(executor->deadline_seconds * 1'000);
    if (allowed > Millis(0) && node->attempt_started && event.at - *node->attempt_started >= allowed) {
      event.error = fmt::format("the task was ended after its activeDeadlineSeconds, {}", executor->deadline_seconds);
    }
  }
  apply(run, std::move(event));
}

void Runner::stop_task(const Run& run, const std::string& path, int attempt) {
  const engine::Node* node = run->open_attempt(path, attempt);
  if (node == nullptr) return;
  const std::string key = executors::launch_key(run->record().id, path, attempt);
  if (node->state == engine::NodeState::launching && !run->in_flight.contains(key)) {
    // It waits for a slot: nothing was started.
    return failed(run, path, attempt, Error(Code::cancelled, "the run was terminated"));
  }
  if (const Status stopped = needs_.launcher.stop(key, kStopGrace); !stopped)
    log::error("run {}: {} cannot be stopped: {}", run->record().id, path, stopped.error().message);
}

void Runner::on_child_exit(const std::string& key, const proc::ChildStatus& status) {
  std::string run_id, path;
  int attempt = 0;
  const auto forget = [this, key] {
    if (const Status forgotten = needs_.launcher.forget(key); !forgotten)
      log::warn("{}: {}", key, forgotten.error().message);
  };
  if (const std::string begin = executors::python_server_keys_of(""); key.starts_with(begin)) {
    // One that says so itself cannot serve, and another one could not either.
    const bool failed = status.signal == 0 && status.exit_code != 0;
    std::string of_run = key.substr(begin.size(), key.find('/', begin.size()) - begin.size());
    strands_->post(key, [this, key, of_run = std::move(of_run), failed, forget]() mutable {
      forget();  // so that it may be started again
      if (executors::is_ready_python_server(key)) of_run = ready_servers_.ended(key);
      const Run run = find(of_run);
      if (!run) return;
      strands_->post(of_run, [run, key, failed] {
        run->python_servers.erase(key);
        if (key == run->python_taken) run->python_taken.clear();
        if (failed) run->python_server_failed.insert(key);
      });
    });
    return;
  }
  if (key.starts_with(executors::remove_container_keys())) {
    strands_->post(key, forget);
    return;
  }
  if (!executors::parse_launch_key(key, run_id, path, attempt)) return;
  const Run run = find(run_id);
  if (!run) return;
  strands_->post(run_id, [this, run, path, attempt, status] { ended(run, path, attempt, status); });
}

Result<Runner::Run> Runner::load(const std::string& run_id, bool ended) {
  std::optional<RunRecord> record;
  Value spec;
  std::vector<Event> events;
  MR_TRY(needs_.database.read([&](db::Connection& connection) -> Status {
    record = MR_TRY(find_run(connection, run_id));
    if (!record) return {};
    spec = MR_TRY(read_spec(connection, run_id));
    events = MR_TRY(read_events(connection, run_id));
    return {};
  }));
  if (!record || (record->finished && !ended)) return Run();
  const Run run = MR_TRY(ActiveRun::make(std::move(*record), spec));
  for (const Event& event : events) run->replay(event);
  if (!ended) run->replayed();
  return run;
}

void Runner::give_up(const std::string& run_id, const std::string& why) {
  log::error("run {}: {}", run_id, why);
  const Status written = needs_.database.write([&](db::Connection& connection) -> Status {
    auto record = MR_TRY(find_run(connection, run_id));
    if (!record) return {};
    record->finished = needs_.clock.now();
    record->error = "the run cannot be taken up again: " + why;
    set_state(*record, "FAILED", *record->finished);
    return update_run(connection, *record);
  });
  if (!written) log::error("run {}: {}", run_id, written.error().message);
  if (ended_) ended_();
}

void Runner::resume(const std::vector<std::string>& unfinished) {
  ready_servers_.begin();
  for (const std::string& run_id : unfinished) {
    auto run = load(run_id);
    if (!run) {
      give_up(run_id, run.error().message);
      continue;
    }
    if (!*run) continue;
    insert(*run);
    strands_->post(run_id, [this, taken = *run] { take_up(taken); });
  }
}

void Runner::take_up(const Run& run) {
  if (run->state().finished()) return;
  std::vector<std::pair<std::string, int>> open;
  const bool rebooted = run->state().boot() != options_.boot;
  for (const engine::Node* node : run->state().outstanding()) {
    if (rebooted && node->state == engine::NodeState::launching) continue;
    if (node->state == engine::NodeState::backing_off) {
      perform(run, {engine::Command::Kind::timer, node->path, node->attempt, node->retry_at, false, ""});
    } else {
      open.emplace_back(node->path, node->attempt);
    }
  }
  if (rebooted) {
    Event event = event_for(Event::Kind::rebooted, needs_.clock.now(), "", 0);
    event.boot = options_.boot;
    apply(run, std::move(event));
  }
  for (const std::string& key : executors::python_servers_of(options_, run->record().id)) {
    const auto status = needs_.launcher.status(key);
    if (status && *status && (*status)->state == proc::ChildStatus::State::running) {
      run->python_servers[key];
      if (executors::is_ready_python_server(key)) {
        run->python_taken = key;
        ready_servers_.has(run->record().id, key);
      }
    }
  }
  for (const auto& [path, attempt] : open) {
    const std::string key = executors::launch_key(run->record().id, path, attempt);
    auto status = needs_.launcher.status(key);
    if (!status) {
      // Without the launcher nothing can be known about the children; they are not declared dead for it.
      log::error("run {}: {}", run->record().id, status.error().message);
      alarm(needs_.clock.now() + kTakeUpRetry, run, [this](const Run& again) { take_up(again); });
      return;
    }
    const engine::Node* node = run->open_attempt(path, attempt);
    if (node == nullptr) continue;
    if (!*status) {
      if (node->state == engine::NodeState::launching) {
        launch(run, path, attempt);
        continue;
      }
      *status = proc::ChildStatus();
      (*status)->state = proc::ChildStatus::State::lost;
    }
    if ((*status)->state != proc::ChildStatus::State::running) {
      ended(run, path, attempt, **status);
      continue;
    }
    slots_.occupy(run->record().id, key);
    if (node->state == engine::NodeState::launching)
      apply(run, event_for(Event::Kind::launched, needs_.clock.now(), path, attempt));
    if (!run->state().may_launch(*node))
      stop_task(run, path, attempt);
    else
      watch_deadline(run, *node);
  }
  watch_deadline(run);
}

void Runner::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  alarms_.stop();
  strands_->stop();
  ready_servers_.stop();
}

}  // namespace millrace::pipelines::runner
