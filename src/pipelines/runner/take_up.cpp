// Runs that were under way when this program ended are taken up again.

#include "pipelines/runner/runner.h"

#include <utility>

#include "base/log.h"
#include "pipelines/executors/python_server.h"

namespace millrace::pipelines::runner {
namespace {

using engine::Event;

constexpr Millis kTakeUpRetry{1'000};  // while the backend does not answer

}  // namespace

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
  environments_.begin(unfinished.empty());
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
  {
    const std::lock_guard lock(mutex_);
    recovered_ = true;
  }
  recovery_ended_.notify_all();
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
    Event event = event_now(Event::Kind::rebooted);
    event.boot = options_.boot;
    apply(run, std::move(event));
  }
  for (const std::string& key : executors::python_servers_of(options_, run->record().id)) {
    const auto status = needs_.backend.status(key);
    if (status && *status && !(*status)->is_over()) {
      run->python_servers[key];
      if (executors::is_ready_python_server(key)) {
        run->python_taken = key;
        ready_servers_.has(run->record().id, key);
      }
    }
  }
  for (const auto& [path, attempt] : open) {
    const std::string key = executors::launch_key(run->record().id, path, attempt);
    auto status = needs_.backend.status(key);
    if (!status) {
      // Without the backend nothing can be known about the children; they are not declared dead for it.
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
      *status = work::WorkStatus();
      (*status)->state = work::WorkStatus::State::lost;
    }
    if ((*status)->is_over()) {
      ended(run, path, attempt, **status);
      continue;
    }
    run->attempt_of(*node).slot = slots_.occupy(run->record().id);
    if (node->state == engine::NodeState::launching) apply(run, event_now(Event::Kind::launched, path, attempt));
    if (!run->state().may_launch(*node))
      stop_task(run, path, attempt);
    else
      watch_deadline(run, *node);
  }
  watch_deadline(run);
}

}  // namespace millrace::pipelines::runner
