#include "pipelines/runner/runner.h"

#include <future>
#include <thread>
#include <utility>

#include <fmt/core.h>

#include "base/log.h"

namespace millrace::pipelines::runner {
namespace {

using engine::Event;

constexpr std::size_t kThreads = 4;      // they wait for fsync and for the backend; they compute nothing
constexpr Millis kStoreRetry{1'000};     // while the database cannot be written (a full disk)
constexpr Millis kChangeAnswer{15'000};  // a caller waits no longer for what is done all the same
constexpr Millis kStoreLater{50};        // a task's start is stored with what comes next, or after this

}  // namespace

Runner::Runner(Pipelines::Needs needs, const Options& options, const Hooks& hooks)
    : needs_(needs),
      options_(options),
      hooks_(hooks),
      ready_servers_(needs, options, hooks),
      slots_(options.max_running_tasks),
      strands_(std::make_shared<Strands>(kThreads, [this](const std::string& run_id) { flush(run_id); })),
      alarms_(needs.clock),
      environments_(needs, options, alarms_) {
  subscribe();
}

Event Runner::event_now(Event::Kind kind, const std::string& path, int attempt) const {
  Event event;
  event.kind = kind;
  event.at = needs_.clock.now();
  event.path = path;
  event.attempt = attempt;
  return event;
}

Runner::Run Runner::find(const std::string& run_id) {
  const std::lock_guard lock(mutex_);
  const auto found = active_.find(run_id);
  return found == active_.end() ? nullptr : found->second;
}

Runner::Run Runner::find_recovered(const std::string& run_id) {
  std::unique_lock lock(mutex_);
  recovery_ended_.wait_for(lock, kChangeAnswer, [&] { return recovered_ || stopping_ || active_.contains(run_id); });
  const auto found = active_.find(run_id);
  return found == active_.end() ? nullptr : found->second;
}

bool Runner::is_active(const std::string& run_id) { return find(run_id) != nullptr; }

void Runner::insert(const Run& run) {
  {
    const std::lock_guard lock(mutex_);
    active_[run->record().id] = run;
  }
  recovery_ended_.notify_all();
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
  Event created;
  created.at = run->record().created;
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
      apply(run, event_now(Event::Kind::retry));
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
  if (answer.wait_for(kChangeAnswer) != std::future_status::ready)
    return fail(Code::unavailable, fmt::format("the run {} will be retried once the server is free to", run_id));
  try {
    return answer.get();
  } catch (const std::future_error&) {
    return fail(Code::unavailable, "the server is stopping");
  }
}

Status Runner::terminate(const std::string& run_id) {
  const Run run = find_recovered(run_id);
  if (!run) return fail(Code::failed_precondition, fmt::format("the run {} has ended", run_id));
  auto done = std::make_shared<std::promise<bool>>();
  auto answer = done->get_future();
  const bool posted = strands_->post(run_id, [this, run, done] {
    const bool under_way = !run->state().finished();
    if (!under_way) return done->set_value(false);
    if (!run->state().terminating()) apply(run, event_now(Event::Kind::terminate));
    run->when_stored.emplace_back([done] { done->set_value(true); });
  });
  done.reset();  // a work that is dropped breaks its promise
  if (!posted) return fail(Code::unavailable, "the server is stopping");
  if (answer.wait_for(kChangeAnswer) != std::future_status::ready)
    return fail(Code::unavailable,
                fmt::format("the run {} will be terminated once the server has stored what happened before", run_id));
  try {
    if (answer.get()) return {};
  } catch (const std::future_error&) {
    return fail(Code::unavailable, "the server is stopping");
  }
  return fail(Code::failed_precondition, fmt::format("the run {} has ended", run_id));
}

Status Runner::stop_task(const std::string& run_id, const std::string& path) {
  const Run run = find_recovered(run_id);
  if (!run) return {};
  const bool posted = strands_->post(run_id, [this, run, path] {
    if (const engine::Node* node = run->state().find(path)) stop_task(run, path, node->attempt);
  });
  return posted ? Status() : fail(Code::unavailable, "the server is stopping");
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
    const auto done = std::make_shared<std::promise<Status>>();
    auto answer = done->get_future();
    needs_.database.write_async([run](db::Connection& connection) { return run->store(connection); },
                                [done](Status status) { done->set_value(std::move(status)); });
    // To the writer, should it stand in line behind this thread: it is to make the disk work first.
    std::this_thread::yield();
    prepare_ahead(run);
    const Status stored = answer.get();
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

void Runner::finish(const Run& run) {
  const std::string& id = run->record().id;
  {
    const std::lock_guard lock(mutex_);
    active_.erase(id);
  }
  if (ended_) ended_();
  for (const auto& [key, started] : run->python_servers) {
    if (const Status stopped = needs_.backend.stop(key, Millis(0)); !stopped)
      log::warn("{} cannot be stopped: {}", key, stopped.error().message);
  }
  for (const std::string& environment : run->python_environments) ready_servers_.start(environment);
  // Its attempts are never asked for again: a retry of the run counts on from them.
  if (const Status forgotten = needs_.backend.forget(executors::launch_keys_of(id)); !forgotten)
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
        apply(again, event_now(Event::Kind::timer, path, attempt));
      });
    case engine::Command::Kind::finish_run:
      return;  // finish(), when all is stored
  }
}

void Runner::watch_deadline(const Run& run) {
  if (run->spec().deadline_seconds == 0 || run->state().finished()) return;
  alarm(run->record().created + Millis(run->spec().deadline_seconds * 1'000), run, [this](const Run& late) {
    if (late->state().finished() || late->state().terminating()) return;
    apply(late, event_now(Event::Kind::terminate));
  });
}

void Runner::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  recovery_ended_.notify_all();
  ends_.clear();
  alarms_.stop();
  slots_.close();
  strands_->stop();
  ready_servers_.stop();
}

}  // namespace millrace::pipelines::runner
