#include "pipelines/runner/runner.h"

#include <future>
#include <utility>

#include <fmt/core.h>

#include "base/log.h"

namespace millrace::pipelines::runner {
namespace {

using engine::Event;

constexpr std::size_t kThreads = 4;      // they wait for fsync and for the backend; they compute nothing
constexpr Millis kStoreRetry{1'000};     // while the database cannot be written (a full disk)
constexpr Millis kStoreLater{50};        // a task's start is stored with what comes next, or after this
constexpr Millis kRecoveryRetry{1'000};  // while the backend does not answer

std::shared_ptr<KeyedQueue> make_queue(Runner::Drive drive, KeyedQueue::After flush) {
  if (drive == Runner::Drive::by_hand) return std::make_shared<KeyedQueue>(KeyedQueue::Manual(), std::move(flush));
  return std::make_shared<KeyedQueue>(KeyedQueue::Threads{kThreads, "runs"}, std::move(flush));
}

Error ended_error(const std::string& run_id) {
  return Error(Code::failed_precondition, fmt::format("the run {} has ended", run_id));
}

}  // namespace

Runner::Runner(Needs needs, const Options& options, const Hooks& hooks, Timers& timers, Drive drive)
    : needs_(needs),
      options_(options),
      hooks_(hooks),
      store_(needs.database),
      keyed_(make_queue(drive, [this](const std::string& run_id) { flush(run_id); })),
      queue_(needs.clock, timers, keyed_),
      attempts_(needs, options, hooks, timers, queue_, [this](const std::string& run_id) { return find(run_id); }) {}

// --- the runs under way ---

Run Runner::find(const std::string& run_id) const {
  const MutexLock lock(mutex_);
  const auto found = active_.find(run_id);
  return found == active_.end() ? nullptr : found->second;
}

Run Runner::find_recovered(const std::string& run_id) {
  const Time deadline = needs_.clock.now() + kChangeAnswer;
  const MutexLock lock(mutex_);
  while (!recovered_ && !stopping_ && !active_.contains(run_id)) {
    const Millis left = deadline - needs_.clock.now();
    if (left <= Millis(0)) break;
    recovery_ended_.wait_for(mutex_, left);
  }
  const auto found = active_.find(run_id);
  return found == active_.end() ? nullptr : found->second;
}

void Runner::insert(const Run& run) {
  {
    const MutexLock lock(mutex_);
    active_[run->record().id] = run;
  }
  recovery_ended_.notify_all();
}

void Runner::on_change(std::function<void(const std::string& run_id)> listener) {
  const MutexLock lock(mutex_);
  listeners_.push_back(std::move(listener));
}

void Runner::changed(const std::string& run_id) {
  std::vector<std::function<void(const std::string&)>> listeners;
  {
    const MutexLock lock(mutex_);
    listeners = listeners_;
  }
  for (const auto& listener : listeners) listener(run_id);
}

Result<RunRecord> Runner::create(RunRecord record, const Value& spec, std::unique_ptr<PipelineSpec> parsed,
                                 const db::Database::Work& also) {
  set_state(record, "PENDING", record.created);
  const Run run = ActiveRun::make(std::move(record), std::move(parsed));
  Event created;
  created.at = run->record().created;
  created.boot = options_.boot;
  created.rules = engine::kRules;
  run->advance(std::move(created));
  MR_TRY(store_.create(run, spec, also));
  RunRecord made = run->record();
  insert(run);
  queue_.post(run, [this, run] { watch_deadline(run); });
  changed(made.id);
  return made;
}

// --- recovery: the runs that were under way when the program ended ---

void Runner::resume(const std::vector<std::string>& unfinished) {
  attempts_.begin(unfinished.empty());
  for (const std::string& run_id : unfinished) {
    auto run = store_.load(run_id, false);
    if (!run) {
      log::error("run {}: {}", run_id, run.error().message);
      const Status written = store_.give_up(run_id, run.error().message, needs_.clock.now());
      if (!written) log::error("run {}: {}", run_id, written.error().message);
      if (ended_) ended_();
    } else if (*run) {
      (*run)->is_recovering = true;
      insert(*run);
      queue_.post(*run, [this, recovered = *run] { recover(recovered); });
    }
  }
  {
    const MutexLock lock(mutex_);
    recovered_ = true;
  }
  recovery_ended_.notify_all();
}

void Runner::recover(const Run& run) {
  if (run->state().finished()) return;
  Attempts::Open open;
  const bool rebooted = run->state().boot() != options_.boot;
  for (const engine::Node* node : run->state().outstanding()) {
    if (rebooted && node->state == engine::NodeState::launching) continue;
    if (node->state == engine::NodeState::backing_off)
      perform(run, {engine::Command::Kind::timer, node->path, node->attempt, node->retry_at, false, ""});
    else
      open.emplace_back(node->path, node->attempt);
  }
  if (rebooted) {
    Event event = queue_.event(Event::Kind::rebooted);
    event.boot = options_.boot;
    run->advance(std::move(event));
  }
  watch_deadline(run);
  if (const Status recovered = attempts_.recover(run, open); !recovered) {
    log::error("run {}: {}", run->record().id, recovered.error().message);
    run->recovery = queue_.at(needs_.clock.now() + kRecoveryRetry, run, [this](const Run& again) { recover(again); });
    return;
  }
  run->is_recovering = false;
}

// --- changes that are asked for ---

Status Runner::wait_for(void (Runner::*change)(const std::string&, Done), const std::string& run_id,
                        std::string_view done_later) {
  auto promise = std::make_shared<std::promise<Status>>();
  auto answer = promise->get_future();
  (this->*change)(run_id, [promise](Status status) { promise->set_value(std::move(status)); });
  promise.reset();  // a work that is dropped breaks its promise
  if (answer.wait_for(kChangeAnswer) != std::future_status::ready)
    return fail(Code::unavailable, fmt::format("the run {} {}", run_id, done_later));
  try {
    return answer.get();
  } catch (const std::future_error&) {
    return fail(Code::unavailable, "the server is stopping");
  }
}

Status Runner::terminate(const std::string& run_id) {
  return wait_for(&Runner::terminate, run_id, "will be terminated once the server has stored what happened before");
}
Status Runner::retry(const std::string& run_id) {
  return wait_for(&Runner::retry, run_id, "will be retried once the server is free to");
}
Status Runner::remove(const std::string& run_id) {
  return wait_for(&Runner::remove, run_id, "is still being stopped; delete it again in a moment");
}

void Runner::terminate(const std::string& run_id, Done done) {
  const Run run = find_recovered(run_id);
  if (!run) return done(fail(ended_error(run_id)));
  queue_.post(run, [this, run, done = std::move(done)] {
    if (run->state().finished()) return done(fail(ended_error(run->record().id)));
    if (!run->state().terminating()) run->advance(queue_.event(Event::Kind::terminate));
    run->when_stored.emplace_back([done] { done({}); });
  });
}

Result<Run> Runner::begin_again(const std::string& run_id) {
  const auto refused = fail(Code::failed_precondition,
                            fmt::format("the run {} has not failed: only a run that has can be retried", run_id));
  if (find(run_id)) return refused;
  const Run run = MR_TRY(store_.load(run_id, true));
  if (!run) return fail(Code::not_found, fmt::format("Run {} not found", run_id));
  if (!run->state().finished() || run->record().state != "FAILED") return refused;
  insert(run);
  // Of this start of the machine, whichever it was created in: what is launched now is lost with the next one only.
  Event event = queue_.event(Event::Kind::retry);
  event.boot = options_.boot;
  run->advance(std::move(event));
  return run;
}

void Runner::retry(const std::string& run_id, Done done) {
  queue_.post(run_id, [this, run_id, done = std::move(done)] {
    const auto run = begin_again(run_id);
    if (!run) return done(fail(run.error()));
    watch_deadline(*run);
    (*run)->when_stored.emplace_back([done] { done({}); });
  });
}

void Runner::remove(const std::string& run_id, Done done) {
  (void)find_recovered(run_id);
  // In the run's turn, so that nothing of it begins meanwhile.
  queue_.post(run_id, [this, run_id, done = std::move(done)] {
    const Run run = find(run_id);
    if (!run) return done(store_.remove(run_id));
    if (!run->state().finished() && !run->state().terminating()) run->advance(queue_.event(Event::Kind::terminate));
    run->when_ended.emplace_back([this, run_id, done] { done(store_.remove(run_id)); });
  });
}

Status Runner::stop_task(const std::string& run_id, const std::string& path) {
  const Run run = find_recovered(run_id);
  if (!run) return {};
  const bool posted = queue_.post(run, [this, run, path] {
    if (const engine::Node* node = run->state().find(path)) attempts_.stop(run, path, node->attempt);
  });
  return posted ? Status() : fail(Code::unavailable, "the server is stopping");
}

// --- from the engine to the database, and on to what follows ---

void Runner::flush(const std::string& run_id) {
  const Run run = find(run_id);
  if (!run || run->store_is_delayed) return;
  bool anything = false;
  while (true) {
    if (run->must_store()) {
      if (!store(run)) return;
      anything = true;
    }
    const auto commands = run->take_commands();
    for (const engine::Command& command : commands) perform(run, command);
    if (commands.empty() && !run->must_store()) break;
  }
  for (const auto& call : std::exchange(run->when_stored, {})) call();
  if (anything) changed(run_id);
  if (run->state().finished()) return finish(run);
  store_later(run);
}

// The state is ahead of the database until this succeeds; nothing is commanded before.
bool Runner::store(const Run& run) {
  const Status stored = store_.store(run, [&] { attempts_.prepare_ahead(run); });
  if (stored) return true;
  log::error("run {}: what happened cannot be stored: {}", run->record().id, stored.error().message);
  run->store_is_delayed = true;
  run->store_timer = queue_.at(needs_.clock.now() + kStoreRetry, run,
                               [](const Run& again) { again->store_is_delayed = again->store_is_due = false; });
  return false;
}

// What can wait.
void Runner::store_later(const Run& run) {
  if (!run->has_unstored() || std::exchange(run->store_is_due, true)) return;
  run->store_timer = queue_.at(needs_.clock.now() + kStoreLater, run, [](const Run& now) {
    now->store_is_due = false;
    now->hurry();
  });
}

std::map<std::string, std::size_t> Runner::ended() const {
  const MutexLock lock(mutex_);
  return ended_by_state_;
}

void Runner::finish(const Run& run) {
  run->end();
  {
    const MutexLock lock(mutex_);
    active_.erase(run->record().id);
    ++ended_by_state_[run->record().state];
  }
  if (ended_) ended_();
  attempts_.run_ended(run);
  for (const auto& call : std::exchange(run->when_ended, {})) call();
}

void Runner::perform(const Run& run, const engine::Command& command) {
  switch (command.kind) {
    case engine::Command::Kind::launch:
      return attempts_.launch(run, command.path, command.attempt);
    case engine::Command::Kind::stop:
      return attempts_.stop(run, command.path, command.attempt);
    case engine::Command::Kind::timer:
      return retry_later(run, command);
    case engine::Command::Kind::finish_run:
      return;  // finish(), when all is stored
  }
}

// Of a task that backs off, unless something else has happened to it before this was stored.
void Runner::retry_later(const Run& run, const engine::Command& command) {
  const auto backs_off = [path = command.path, attempt = command.attempt](const Run& of) {
    const engine::Node* node = of->state().find(path);
    return node != nullptr && node->attempt == attempt && node->state == engine::NodeState::backing_off;
  };
  if (!backs_off(run)) return;
  run->retries[command.path] =
      queue_.at(command.due, run, [this, backs_off, path = command.path, attempt = command.attempt](const Run& again) {
        if (backs_off(again)) again->advance(queue_.event(Event::Kind::timer, path, attempt));
      });
}

void Runner::watch_deadline(const Run& run) {
  if (run->spec().deadline_seconds == 0 || run->state().finished()) return;
  const Time due = run->begun() + Millis(run->spec().deadline_seconds * 1'000);
  run->deadline = queue_.at(due, run, [this](const Run& late) {
    if (late->state().finished() || late->state().terminating()) return;
    late->advance(queue_.event(Event::Kind::terminate));
  });
}

void Runner::stop() {
  {
    const MutexLock lock(mutex_);
    stopping_ = true;
  }
  recovery_ended_.notify_all();
  attempts_.close();
  keyed_->stop();
  attempts_.stop_servers();
  std::map<std::string, Run> active;
  {
    const MutexLock lock(mutex_);
    active = active_;
  }
  // Who waits for what will not be stored any more hears of it by the end of these.
  for (const auto& [id, run] : active) {
    run->when_stored.clear();
    run->when_ended.clear();
  }
}

}  // namespace millrace::pipelines::runner
