#pragma once
// What must hold of a simulated runner's rows and children: at any moment, and when everything has ended.

#include <algorithm>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "base/file.h"
#include "base/json.h"
#include "db/database.h"
#include "pipelines/executors/process.h"
#include "pipelines/executors/store.h"
#include "pipelines/runner/records.h"
#include "pipelines/runner/simulated_children_for_tests.h"
#include "pipelines/runner/simulated_pipelines_for_tests.h"
#include "pipelines/runner/task_rows.h"

namespace millrace::pipelines::runner {

struct SimulatedRun {
  RandomPipeline pipeline;
  bool stored = true;  // false: the program died, or the write failed, while it was created
  bool removed = false;
};
using SimulatedRuns = std::map<std::string, SimulatedRun>;

class Invariants {
 public:
  Invariants(db::Database& database, const Options& options, SimulatedChildren& children, const SimulatedRuns& runs)
      : database_(database), options_(options), children_(children), runs_(runs) {}

  // The bytes of an artifact go, or some of them: one of a task that has succeeded, so that it may be in the cache. Who
  // has taken it before may have it. While the program is dead: nobody has it in memory.
  void damage_an_artifact(Dice& dice) {
    std::vector<std::string> paths;
    for (const auto& [id, run] : runs_) {
      for (const TaskView& task : tasks_of(id)) {
        const bool is_kept = task.state == "SUCCEEDED" && !artifact_of(task).empty();
        if (is_kept) paths.push_back(artifact_of(task));
      }
    }
    if (paths.empty()) return;
    const std::string& path = paths[dice.below(paths.size())];
    damaged_.try_emplace(path, takers_of(path));
    std::error_code ignored;
    std::filesystem::remove(path, ignored);
    if (dice.one_in(2)) EXPECT_TRUE(write_file(path, ""));
  }

  std::optional<RunRecord> find(const std::string& id) {
    std::optional<RunRecord> record;
    EXPECT_TRUE(database_.read([&](db::Connection& connection) -> Status {
      record = MR_TRY(find_run(connection, id));
      return {};
    }));
    return record;
  }

  // A retry was asked for: the run may change.
  void may_change(const std::string& run_id) { finished_.erase(run_id); }

  // A run that has ended is never changed, but by a retry, and nothing of it runs. `is_changing`: one was asked for.
  void check_finished(const std::function<bool(const std::string& run_id)>& is_changing) {
    std::set<std::string> ended;
    for (const auto& [id, run] : runs_) {
      const auto record = find(id);
      if (!record || !record->finished || is_changing(id)) continue;
      ended.insert(id);
      std::string rows = rows_of(id);
      const auto [before, is_new] = finished_.try_emplace(id, rows);
      if (!is_new) EXPECT_EQ(before->second, rows) << id << " has changed after its end";
    }
    for (const std::string& key : children_.backend.running()) {
      if (!children_.is_stopped(key)) EXPECT_FALSE(ended.contains(task_of(key).first)) << key << " outlives its run";
    }
  }

  // One attempt at a task is under way at a time. How many are.
  std::size_t check_children() {
    const auto stopped = children_.backend.stopped();
    std::set<std::pair<std::string, std::string>> tasks;
    for (const std::string& key : children_.backend.running()) {
      if (std::ranges::find(stopped, key) != stopped.end()) continue;
      EXPECT_TRUE(tasks.insert(task_of(key)).second) << key << " is one of two attempts under way";
    }
    return tasks.size();
  }

  // When all timers that are due have been called, and what follows is done and stored.
  void check_deadlines(Time now) {
    for (const auto& [id, run] : runs_) {
      const auto& [run_seconds, task_seconds] = std::pair(run.pipeline.run_deadline, run.pipeline.task_deadline);
      const auto record = run_seconds > 0 || task_seconds > 0 ? find(id) : std::nullopt;
      if (!record || record->finished) continue;
      Time begun = record->created;
      for (const engine::Event& event : events_of(id)) {
        if (event.kind == engine::Event::Kind::retry) begun = event.at;
        if (event.kind != engine::Event::Kind::launched || event.path != "root/t0" || task_seconds == 0) continue;
        if (now >= event.at + Millis(1'000 * task_seconds)) check_has_stopped(id, event);
      }
      if (run_seconds > 0 && now >= begun + Millis(1'000 * run_seconds))
        EXPECT_EQ(record->state, "CANCELING") << id << " is past its deadline";
    }
  }

  // `died`: the program has, at least once.
  void check_run(const std::string& id, const SimulatedRun& run, bool died) {
    SCOPED_TRACE(id);
    const auto record = find(id);
    if (!record) {
      EXPECT_TRUE(run.removed || !run.stored || died) << "it is gone";
      EXPECT_EQ(rows_of(id), "") << "it was removed, and something is left";
      return;
    }
    EXPECT_FALSE(run.removed) << "it was removed, and is there";
    ASSERT_TRUE(record->finished) << "it has not ended\n" << rows_of(id);
    check_rows(*record, run);
  }

  int cached() const { return cached_; }

 private:
  // Run and path.
  static std::pair<std::string, std::string> task_of(const std::string& key) {
    std::string run_id, path;
    int attempt = 0;
    EXPECT_TRUE(executors::parse_launch_key(key, run_id, path, attempt)) << key;
    return {run_id, path};
  }

  // Everything of a run, as text.
  std::string rows_of(const std::string& id) {
    std::string rows;
    EXPECT_TRUE(database_.read([&](db::Connection& connection) -> Status {
      for (const std::string_view sql :
           {"SELECT state || finished || error || state_history FROM kfp_runs WHERE id = ?",
            "SELECT path || data FROM kfp_tasks WHERE run_id = ? ORDER BY position",
            "SELECT number || event FROM run_events WHERE run_id = ? ORDER BY number",
            "SELECT spec FROM kfp_run_specs WHERE run_id = ?"}) {
        auto row = MR_TRY(connection.prepare(sql));
        row.bind_all(id);
        while (MR_TRY(row.step())) rows += row.text(0) + "\n";
      }
      return {};
    }));
    return rows;
  }

  std::vector<TaskView> tasks_of(const std::string& run_id) {
    std::vector<TaskView> tasks;
    EXPECT_TRUE(database_.read([&](db::Connection& connection) -> Status {
      tasks = MR_TRY(read_tasks(connection, run_id));
      return {};
    }));
    return tasks;
  }

  std::vector<engine::Event> events_of(const std::string& run_id) {
    std::vector<engine::Event> events;
    EXPECT_TRUE(database_.read([&](db::Connection& connection) -> Status {
      events = MR_TRY(read_events(connection, run_id));
      return {};
    }));
    return events;
  }

  void check_has_stopped(const std::string& run_id, const engine::Event& launched) {
    const std::string key = executors::launch_key(run_id, launched.path, launched.attempt);
    const auto status = children_.backend.status(key);
    if (status && *status && !(*status)->is_over())
      EXPECT_TRUE(children_.is_stopped(key)) << key << " is past its deadline";
  }

  // The rows are what the events say, and the events what the children have come to.
  void check_rows(const RunRecord& record, const SimulatedRun& run) {
    const Package package = std::move(*unwrap_package(run.pipeline.spec));
    const PipelineSpec spec = std::move(*parse_pipeline_spec(package.spec, package.platform));
    engine::State state(spec, record.parameters);
    for (const engine::Event& event : events_of(record.id)) {
      const engine::Node* node = state.find(event.path);
      if (event.kind == engine::Event::Kind::finished && node != nullptr && state.may_launch(*node))
        check_end(record.id, event);
      state.advance(event);
    }
    ASSERT_TRUE(state.finished());
    EXPECT_EQ(state.rules(), engine::kRules);
    EXPECT_EQ(record.state, state.root().state == engine::NodeState::succeeded ? "SUCCEEDED" : "FAILED");
    const auto tasks = tasks_of(record.id);
    EXPECT_EQ(tasks.size(), state.nodes().size());
    for (const TaskView& task : tasks) {
      SCOPED_TRACE(task.id);
      const engine::Node* node = state.find(task.id);
      ASSERT_NE(node, nullptr);
      check_task(task, *node);
      if (!task.is_dag && node->state == engine::NodeState::succeeded) check_result(record.id, task, run);
    }
  }

  static void check_task(const TaskView& task, const engine::Node& node) {
    EXPECT_EQ(task.state, engine::state_name(node.state));
    EXPECT_EQ(task.attempt, node.attempt);
    EXPECT_EQ(task.error, node.error);
    EXPECT_EQ(task.cached, node.cached);
    EXPECT_EQ(to_json(task.outputs["parameters"]), to_json(node.output_parameters));
  }

  // Of a run that is not being terminated: an attempt comes to what its child came to, and nobody gives up a child that
  // runs.
  void check_end(const std::string& run_id, const engine::Event& event) {
    if (event.cached) return;
    const std::string key = executors::launch_key(run_id, event.path, event.attempt);
    const auto succeeded = children_.has_succeeded(key);
    const bool started = children_.backend.was_started(key);
    if (event.succeeded)
      EXPECT_EQ(succeeded, true) << key << " has not succeeded";
    else if (started && !children_.is_stopped(key))
      EXPECT_EQ(succeeded, false) << key << " has not failed: " << event.error;
  }

  // What a task gives is what its attempt has written; of a cached one, what one like it has, with all its bytes.
  void check_result(const std::string& run_id, const TaskView& task, const SimulatedRun& run) {
    const std::string out = task.outputs["parameters"]["out"].string_or();
    if (!task.cached) {
      EXPECT_EQ(out, children_.written_by(executors::launch_key(run_id, task.id, task.attempt)));
      return;
    }
    ++cached_;
    const std::string in = task.inputs["parameters"]["in"].string_or();
    EXPECT_TRUE(children_.has_left(run.pipeline.does.at(task.name) + " " + in, out)) << out;
    if (const auto damaged = damaged_.find(artifact_of(task)); damaged != damaged_.end())
      EXPECT_TRUE(damaged->second.contains(taker(run_id, task))) << "it has taken an artifact that has no bytes";
  }

  static std::string taker(const std::string& run_id, const TaskView& task) {
    return executors::launch_key(run_id, task.id, task.attempt);
  }
  // Where its bytes are; empty: it has none.
  std::string artifact_of(const TaskView& task) const {
    const Value& list = task.outputs["artifacts"][kArtifact]["artifacts"];
    const auto place = list.empty() ? std::nullopt : executors::store_place(list.items()[0]["uri"].string_or());
    return place ? (executors::store_directory(options_) / *place).native() : std::string();
  }
  std::set<std::string> takers_of(const std::string& path) {
    std::set<std::string> takers;
    for (const auto& [id, run] : runs_) {
      for (const TaskView& task : tasks_of(id)) {
        if (task.cached && artifact_of(task) == path) takers.insert(taker(id, task));
      }
    }
    return takers;
  }

  db::Database& database_;
  const Options& options_;
  SimulatedChildren& children_;
  const SimulatedRuns& runs_;
  std::map<std::string, std::string> finished_;           // rows of runs that have ended
  std::map<std::string, std::set<std::string>> damaged_;  // by path: who had taken it before
  int cached_ = 0;
};

}  // namespace millrace::pipelines::runner
