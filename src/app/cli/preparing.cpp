#include "app/cli/preparing.h"

#include <algorithm>

#include <fmt/core.h>

#include "app/cli/text.h"
#include "base/strings.h"

namespace millrace::app {
namespace {

constexpr std::size_t kShown = 120;  // columns of a log's line

}  // namespace

bool is_ready(const TaskLine& task, const std::map<std::string, std::string>& states) {
  if (task.state != "PENDING" || task.is_dag || task.attempt == 0) return false;
  return std::all_of(task.depends_on.begin(), task.depends_on.end(), [&](const std::string& id) {
    const auto earlier = states.find(id);
    return earlier == states.end() || is_final(earlier->second);
  });
}

std::string last_line(std::string_view text) {
  text = trim(text);
  const std::size_t newline = text.rfind('\n');
  return one_line(trim(newline == std::string_view::npos ? text : text.substr(newline + 1)));
}

const std::map<std::string, std::string>& Preparing::notes(const std::vector<TaskLine>& tasks) {
  std::map<std::string, std::string> states;
  for (const TaskLine& task : tasks) states.emplace(task.id, task.state);
  const auto now = Clock::now();
  std::size_t asked = 0;
  for (const TaskLine& task : tasks) {
    if (!is_ready(task, states)) {
      waiting_.erase(task.id);
      notes_.erase(task.id);
      continue;
    }
    Waiting& waiting = waiting_.try_emplace(task.id, Waiting{now}).first->second;
    if (now - waiting.since < kPatience || now - waiting.asked < kAskEvery || asked == kMaxAsked) continue;
    ++asked;
    waiting.asked = now;
    ask(task, waiting);
  }
  return notes_;
}

void Preparing::ask(const TaskLine& task, Waiting& waiting) {
  const auto part = client_.log_part(run_id_, task.id, waiting.offset);
  // A log that cannot be read says nothing of the task: that it waits is still true.
  if (part) {
    waiting.offset = (*part)["next_offset"].int_or(waiting.offset);
    if (std::string line = last_line((*part)["text"].string_or()); !line.empty()) waiting.line = std::move(line);
  }
  notes_[task.id] = waiting.line.empty()
                        ? "waits to be started: for a free place, or for its environment, which another task makes"
                        : cut("is prepared: " + waiting.line, kShown);
}

}  // namespace millrace::app
