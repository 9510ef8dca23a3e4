// What `./dev bench engine` measures without processes (bench/engine.py starts it): a run of many tasks in a loop, each
// of which is launched and ends, as the shell sees it. Prints "name value" lines.
//
//   engine_bench DIRECTORY      a database is made there; its fdatasync is that disk's
//
//   advance     transitions a second, in memory
//   durable     the same with each event in the event log, a transaction and one sync for each batch
//   with_rows   the same with the rows that the API reads: the whole of what the shell stores

#include <chrono>
#include <deque>
#include <filesystem>
#include <functional>
#include <string>

#include <fmt/core.h>

#include "base/json.h"
#include "pipelines/runner/active_run.h"
#include "pipelines/runner/artifact_rows.h"
#include "pipelines/runner/schema.h"

namespace millrace::pipelines::runner {
namespace {

using engine::Event;
constexpr int kTasks = 20'000;
constexpr std::size_t kBatch = 256;  // events in a transaction: as many as the shell takes in one go (keyed_queue.h)

// A loop of kTasks iterations, each of one task.
Value pipeline() {
  Value items = Value::array();
  for (int i = 0; i < kTasks; ++i) items.push(i);
  const std::string text = fmt::format(
      R"({{"pipelineInfo":{{"name":"bench"}},"schemaVersion":"2.1.0","sdkVersion":"kfp-2.17.0",
"root":{{"dag":{{"tasks":{{"loop":{{"componentRef":{{"name":"body"}},"taskInfo":{{"name":"loop"}},
  "parameterIterator":{{"itemInput":"item","items":{{"raw":"{}"}}}}}}}}}}}},
"components":{{"noop":{{"executorLabel":"noop"}},
  "body":{{"inputDefinitions":{{"parameters":{{"item":{{"parameterType":"NUMBER_INTEGER"}}}}}},
    "dag":{{"tasks":{{"task":{{"componentRef":{{"name":"noop"}},"taskInfo":{{"name":"task"}}}}}}}}}}}},
"deploymentSpec":{{"executors":{{"noop":{{"container":{{"image":"busybox","command":["true"]}}}}}}}}}})",
      to_json(items));
  return *parse_json(text);
}

RunRecord record(std::string id) {
  RunRecord run;
  run.id = std::move(id);
  run.name = run.resource_name = "bench";
  run.created = from_epoch_ms(1'700'000'000'000);
  run.state = "PENDING";
  return run;
}

Event event(Event::Kind kind, std::int64_t number, const std::string& path, int attempt) {
  Event event;
  event.kind = kind;
  event.at = from_epoch_ms(1'700'000'000'000 + number);
  event.path = path;
  event.attempt = attempt;
  event.succeeded = kind == Event::Kind::finished;
  return event;
}

// Gives `take` every event of a run to its end; `take` gives what follows.
int drive(const std::function<std::vector<engine::Command>(const Event&)>& take) {
  int transitions = 0;
  std::deque<Event> next = {event(Event::Kind::created, 0, "", 0)};
  while (!next.empty()) {
    const Event now = std::move(next.front());
    next.pop_front();
    for (const engine::Command& command : take(now)) {
      if (command.kind != engine::Command::Kind::launch) continue;
      next.push_back(event(Event::Kind::launched, transitions, command.path, command.attempt));
      next.push_back(event(Event::Kind::finished, transitions, command.path, command.attempt));
    }
    ++transitions;
  }
  return transitions;
}

int stop(const std::string& why) {
  fmt::print(stderr, "engine_bench: {}\n", why);
  return 1;
}

void report(const char* name, int transitions, std::chrono::steady_clock::time_point began) {
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
  fmt::print("{} {:.0f}\n", name, transitions / took.count());
}

int bench(const std::filesystem::path& directory) {
  auto database = db::Database::open((directory / "bench.db").string());
  if (!database) return stop(database.error().message);
  db::Database& db = **database;
  if (const Status made = db.migrate("pipelines", migrations()); !made) return stop(made.error().message);
  if (const Status made = db.migrate("artifacts", artifact_migrations()); !made) return stop(made.error().message);
  const Value spec = pipeline();

  {
    auto run = ActiveRun::load(record("a"), spec);
    if (!run) return stop(run.error().message);
    engine::State state((*run)->spec(), Value::object());
    const auto began = std::chrono::steady_clock::now();
    const int transitions = drive([&](const Event& event) { return state.advance(event); });
    if (!state.finished()) return stop("the run did not end");
    report("advance", transitions, began);
  }
  Status stored;
  {
    auto run = ActiveRun::load(record("b"), spec);
    engine::State state((*run)->spec(), Value::object());
    std::vector<Event> batch;
    std::int64_t number = 1;
    const auto flush = [&] {
      if (stored)
        stored = db.write([&](db::Connection& connection) { return put_events(connection, "b", number, batch); });
      number += static_cast<std::int64_t>(batch.size());
      batch.clear();
    };
    const auto began = std::chrono::steady_clock::now();
    const int transitions = drive([&](const Event& event) {
      batch.push_back(event);
      auto commands = state.advance(event);
      if (batch.size() >= kBatch) flush();
      return commands;
    });
    flush();
    report("durable", transitions, began);
  }
  {
    auto run = ActiveRun::load(record("c"), spec);
    bool is_new = true;
    std::size_t gathered = 0;
    const auto flush = [&] {
      (*run)->hurry();
      while (stored && (*run)->must_store()) {
        stored = db.write([&](db::Connection& connection) {
          return is_new ? (*run)->store_new(connection, spec) : (*run)->store(connection);
        });
        is_new = false;
        (*run)->stored();
      }
      gathered = 0;
    };
    const auto began = std::chrono::steady_clock::now();
    const int transitions = drive([&](const Event& event) {
      (*run)->advance(event);
      auto commands = (*run)->take_commands();
      if (++gathered >= kBatch) flush();
      return commands;
    });
    flush();
    report("with_rows", transitions, began);
  }
  return stored ? 0 : stop(stored.error().message);
}

}  // namespace
}  // namespace millrace::pipelines::runner

int main(int argc, char** argv) {
  if (argc != 2) {
    fmt::print(stderr, "usage: engine_bench DIRECTORY\n");
    return 2;
  }
  return millrace::pipelines::runner::bench(argv[1]);
}
