#include "app/cli/tree.h"

#include <algorithm>
#include <map>
#include <set>

#include <fmt/core.h>

#include "app/cli/text.h"

namespace millrace::app {
namespace {

constexpr int kMaxDepth = 64;         // what is deeper is drawn, and named, as if it were not
constexpr int kMaxLevels = 10'000;    // beyond what a server runs
constexpr std::size_t kMaxName = 48;  // of the name's column
constexpr std::size_t kMaxTitle = 400, kLeastTitle = 10;
constexpr std::size_t kMark = 2;  // columns of a state's mark and the blank after it
constexpr std::size_t kIdShown = 8;
constexpr std::size_t kWidthForId = 45;

double seconds_between(const Value& from, const Value& to, Time now) {
  const auto start = parse_rfc3339(from.string_or());
  if (!start) return -1;
  const auto end = parse_rfc3339(to.string_or());
  const Time until = end && to_epoch_ms(*end) > 0 ? *end : now;
  return std::max(0.0, to_epoch_seconds(until) - to_epoch_seconds(*start));
}

const Value* root_of(const Value& run) {
  for (const Value& task : run["run_details"]["task_details"].items()) {
    if (task["parent_task_id"].string_or().empty()) return &task;
  }
  return nullptr;
}

// A failure that another attempt followed.
std::vector<std::string> failed_tries(const Value& task) {
  const auto& history = task["state_history"].items();
  std::vector<std::string> errors;
  for (std::size_t i = 0; i + 1 < history.size(); ++i) {
    if (history[i]["state"].string_or() == "FAILED" && history[i + 1]["state"].string_or() == "PENDING")
      errors.push_back(one_line(history[i]["error"]["message"].string_or()));
  }
  return errors;
}

TaskLine line_of(const Value& task, Time now) {
  TaskLine line;
  line.id = task["task_id"].string_or();
  line.name = one_line(task["display_name"].string_or());
  line.state = task["state"].string_or("PENDING");
  if (line.state == "SUCCEEDED" && task["cached"].bool_or(false)) line.state = "CACHED";
  line.pod = task["pod_name"].string_or();
  line.error = one_line(task["error"]["message"].string_or());
  line.seconds = seconds_between(task["start_time"], task["end_time"], now);
  line.attempt = static_cast<int>(task["attempt"].int_or(0));
  for (const Value& id : task["depends_on"].items()) line.depends_on.push_back(id.string_or());
  line.tries = failed_tries(task);
  return line;
}

class Builder {
 public:
  Builder(const Value& run, Time now) : now_(now) {
    const Value* root = root_of(run);
    std::set<std::string> ids;
    const auto& tasks = run["run_details"]["task_details"].items();
    for (const Value& task : tasks) ids.insert(task["task_id"].string_or());
    for (const Value& task : tasks) {
      if (&task == root) continue;
      std::string parent = task["parent_task_id"].string_or();
      if (root != nullptr && parent == (*root)["task_id"].string_or()) parent.clear();
      if (!ids.contains(parent)) parent.clear();
      children_[parent].push_back(&task);
    }
  }

  void add(const std::string& parent, const std::string& guide, const std::string& path, int depth,
           std::vector<TaskLine>& lines) const {
    const auto found = children_.find(parent);
    if (found == children_.end() || depth == kMaxLevels) return;
    const bool deeper = depth < kMaxDepth;
    for (const Value* task : found->second) {
      const bool last = task == found->second.back();
      TaskLine line = line_of(*task, now_);
      line.parent = parent;
      line.path = path.empty() ? line.name : path + "/" + line.name;
      line.is_dag = children_.contains(line.id);
      line.guide = guide + (last ? "└─ " : "├─ ");
      const std::string below = deeper ? line.path : path, id = line.id;
      lines.push_back(std::move(line));
      add(id, deeper ? guide + (last ? "   " : "│  ") : guide, below, depth + 1, lines);
    }
  }

 private:
  Time now_;
  std::map<std::string, std::vector<const Value*>> children_;
};

// Groups that are done stand for what is in them.
std::vector<TaskLine> folded(const std::vector<TaskLine>& lines) {
  std::set<std::string> hidden;
  std::vector<TaskLine> kept;
  for (const TaskLine& line : lines) {
    const bool quiet = line.state != "FAILED" && is_final(line.state);
    if (hidden.contains(line.parent) || (line.is_dag && quiet)) hidden.insert(line.id);
    if (!hidden.contains(line.parent)) kept.push_back(line);
  }
  return kept;
}

std::string paint(std::string_view colour, const std::string& text, bool wanted) {
  return wanted ? fmt::format("{}{}\x1b[0m", colour, text) : text;
}

}  // namespace

std::string run_state(const Value& run) {
  const std::string state = run["state"].string_or();
  const auto& history = run["state_history"].items();
  const bool stopped = history.size() > 1 && history[history.size() - 2]["state"].string_or() == "CANCELING";
  return state == "FAILED" && stopped ? "CANCELED" : state;
}

double run_seconds(const Value& run, Time now) {
  // The root's times have milliseconds, the run's whole seconds.
  const Value* root = root_of(run);
  const double precise = root == nullptr ? -1 : seconds_between((*root)["start_time"], (*root)["end_time"], now);
  return precise >= 0 ? precise : seconds_between(run["created_at"], run["finished_at"], now);
}

std::vector<TaskLine> task_tree(const Value& run, Time now) {
  std::vector<TaskLine> lines;
  Builder(run, now).add("", "", "", 0, lines);
  return lines;
}

std::vector<std::string> draw_tree(const Value& run, Time now, const TreeLook& look) {
  std::vector<TaskLine> lines = task_tree(run, now);
  const std::size_t room = look.height == 0 ? lines.size() : std::max<std::size_t>(look.height, 3) - 1;
  if (lines.size() > room) lines = folded(lines);
  std::size_t left_out = 0;
  if (lines.size() > room) {
    left_out = lines.size() - (room - 1);
    lines.resize(room - 1);
  }
  // No line is longer than the terminal is wide: what is drawn over is counted in lines.
  std::size_t column = 0;
  for (TaskLine& line : lines) {
    line.guide = cut(line.guide, look.width > kMark ? look.width - kMark : 0);
    const std::size_t name_at_most =
        look.width > display_width(line.guide) + kMark ? look.width - display_width(line.guide) - kMark : 0;
    line.name = cut(line.name, std::min(kMaxName, name_at_most));
    column = std::max(column, display_width(line.guide) + kMark + display_width(line.name));
  }

  const StateLook& state = look_of_state(run_state(run));
  std::vector<std::string> drawn;
  const std::string title = one_line(run["display_name"].string_or());
  const std::string id = look.width < kWidthForId ? "" : run["run_id"].string_or().substr(0, kIdShown);
  const auto left_of = [&](std::size_t taken) { return look.width > taken ? look.width - taken : 0; };
  const std::string said =
      cut(fmt::format("  {} · {}{}", state.word, duration_text(run_seconds(run, now)), id.empty() ? "" : " · "),
          left_of(kMark + id.size() + std::min(display_width(title), kLeastTitle)));
  drawn.push_back(fmt::format("{} {}{}{}", paint(state.colour, std::string(state.mark), look.colour),
                              cut(title, std::min(left_of(kMark + display_width(said) + id.size()), kMaxTitle)), said,
                              paint("\x1b[2m", id, look.colour)));
  for (const TaskLine& line : lines) {
    const StateLook& task = look_of_state(line.state);
    const bool timed =
        line.seconds >= 0 && line.state != "SKIPPED" && line.state != "PENDING" && line.state != "CACHED";
    const std::string name = pad(line.name, column - display_width(line.guide) - kMark);
    const std::string time = timed ? duration_text(line.seconds) : "";
    std::string rest = fmt::format("  {:<9} {:>9}", task.word, time);
    if (line.attempt > 1 && !line.is_dag) rest += fmt::format("  attempt {}", line.attempt);
    if (!line.error.empty()) rest += "  " + line.error;
    if (const auto note = look.notes.find(line.id); note != look.notes.end()) rest += "  " + note->second;
    while (rest.ends_with(' ')) rest.pop_back();
    rest = cut(rest, look.width > column ? look.width - column : 0);
    drawn.push_back(paint("\x1b[2m", line.guide, look.colour) +
                    paint(task.colour, std::string(task.mark), look.colour) + " " + name + rest);
  }
  if (left_out > 0) drawn.push_back(cut(fmt::format("… and {} more", left_out), look.width));
  return drawn;
}

}  // namespace millrace::app
