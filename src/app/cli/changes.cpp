#include "app/cli/changes.h"

#include <algorithm>

#include <fmt/core.h>

#include "app/cli/causal.h"
#include "app/cli/text.h"

namespace millrace::app {
namespace {

std::vector<CausalTask> causal_tasks(const std::vector<TaskLine>& tasks) {
  std::map<std::string, std::size_t> positions;
  for (std::size_t i = 0; i < tasks.size(); ++i) positions.emplace(tasks[i].id, i);
  const auto position = [&](const std::string& id) {
    const auto found = positions.find(id);
    return found == positions.end() ? CausalTask::kNone : found->second;
  };
  std::vector<CausalTask> causal;
  for (const TaskLine& task : tasks) {
    CausalTask one{position(task.parent), {}};
    for (const std::string& id : task.depends_on) one.depends_on.push_back(position(id));
    causal.push_back(std::move(one));
  }
  return causal;
}

bool is_told(const std::string& state) { return state != "PENDING" && state != "RUNTIME_STATE_UNSPECIFIED"; }

}  // namespace

// All but the end of a task: the attempts that failed, and that it runs.
void Changes::add_start(const TaskLine& task, std::vector<std::string>& lines) {
  Seen& seen = seen_[task.id];
  for (; seen.tries < task.tries.size(); ++seen.tries) {
    const std::string& error = task.tries[seen.tries];
    lines.push_back(
        fmt::format("{}: attempt {} failed{}{}", task.path, seen.tries + 1, error.empty() ? "" : ": ", error));
  }
  const bool changed = seen.state != task.state || seen.attempt != task.attempt;
  if (is_final(task.state) || !changed) return;
  seen.state = task.state;
  seen.attempt = task.attempt;
  if (!is_told(task.state)) return;
  lines.push_back(fmt::format("{}: {}{}", task.path, look_of_state(task.state).word,
                              task.attempt > 1 && !task.is_dag ? fmt::format(" (attempt {})", task.attempt) : ""));
}

void Changes::add_end(const TaskLine& task, std::vector<std::string>& lines) {
  Seen& seen = seen_[task.id];
  if (!is_final(task.state) || seen.state == task.state) return;
  seen.state = task.state;
  const bool timed = task.state != "SKIPPED" && task.state != "CACHED" && task.seconds >= 0;
  lines.push_back(fmt::format("{}: {}{}{}{}", task.path, look_of_state(task.state).word,
                              timed ? " in " + duration_text(task.seconds) : "", task.error.empty() ? "" : ": ",
                              task.error));
}

std::vector<std::string> Changes::since(const Value& run, Time now, const std::map<std::string, std::string>& notes) {
  std::vector<std::string> lines;
  const std::vector<TaskLine> tasks = task_tree(run, now);
  for (const CausalStep& step : causal_order(causal_tasks(tasks))) {
    const TaskLine& task = tasks[step.task];
    step.is_end ? add_end(task, lines) : add_start(task, lines);
  }
  for (const TaskLine& task : tasks) {
    const auto note = notes.find(task.id);
    if (note == notes.end() || seen_[task.id].note == note->second) continue;
    seen_[task.id].note = note->second;
    lines.push_back(fmt::format("{}: {}", task.path, note->second));
  }
  const std::string state = run_state(run);
  if (is_final(state) && !ended_) {
    ended_ = true;
    lines.push_back(fmt::format("{} {} in {}", one_line(run["display_name"].string_or()), look_of_state(state).word,
                                duration_text(run_seconds(run, now))));
  }
  return lines;
}

}  // namespace millrace::app
