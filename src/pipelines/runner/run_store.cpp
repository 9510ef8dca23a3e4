#include "pipelines/runner/run_store.h"

#include <future>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include <fmt/core.h>

#include "pipelines/engine/rules.h"
#include "pipelines/runner/records.h"

namespace millrace::pipelines::runner {

using engine::Event;

Status RunStore::create(const std::shared_ptr<ActiveRun>& run, const Value& spec, const db::Database::Work& also) {
  MR_TRY(database_.write([&](db::Connection& connection) -> Status {
    MR_TRY(run->store_new(connection, spec));
    return also ? also(connection) : Status();
  }));
  run->stored();
  return {};
}

Status RunStore::store(const std::shared_ptr<ActiveRun>& run, const std::function<void()>& meanwhile) {
  const auto done = std::make_shared<std::promise<Status>>();
  auto answer = done->get_future();
  database_.write_async([run](db::Connection& connection) { return run->store(connection); },
                        [done](Status status) { done->set_value(std::move(status)); });
  // To the writer, should it stand in line behind this thread: it is to make the disk work first.
  std::this_thread::yield();
  meanwhile();
  MR_TRY(answer.get());
  run->stored();
  return {};
}

Result<std::shared_ptr<ActiveRun>> RunStore::load(const std::string& run_id, bool ended) {
  std::optional<RunRecord> record;
  Value spec;
  std::vector<Event> events;
  MR_TRY(database_.read([&](db::Connection& connection) -> Status {
    record = MR_TRY(find_run(connection, run_id));
    if (!record) return {};
    spec = MR_TRY(read_spec(connection, run_id));
    events = MR_TRY(read_events(connection, run_id));
    return {};
  }));
  if (!record || (record->finished && !ended)) return std::shared_ptr<ActiveRun>();
  if (!events.empty()) MR_TRY(engine::check_rules(events.front().rules));
  const auto run = MR_TRY(ActiveRun::load(std::move(*record), spec));
  for (const Event& event : events) run->replay(event);
  if (!ended) run->replayed();
  return run;
}

Status RunStore::give_up(const std::string& run_id, const std::string& why, Time at) {
  return database_.write([&](db::Connection& connection) -> Status {
    auto record = MR_TRY(find_run(connection, run_id));
    if (!record) return {};
    record->finished = at;
    record->error = "the run cannot be continued: " + why;
    set_state(*record, "FAILED", at);
    return update_run(connection, *record);
  });
}

Status RunStore::remove(const std::string& run_id) {
  return database_.write([&](db::Connection& connection) -> Status {
    if (!MR_TRY(find_run(connection, run_id))) return fail(Code::not_found, fmt::format("Run {} not found", run_id));
    return delete_run(connection, run_id);
  });
}

}  // namespace millrace::pipelines::runner
