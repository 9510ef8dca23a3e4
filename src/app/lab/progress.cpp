#include "app/lab/progress.h"

#include <array>
#include <utility>

#include <fmt/core.h>

#include "base/terminal_text.h"

namespace millrace::app {
namespace {

constexpr std::chrono::milliseconds kRedrawEvery{80};

struct Look {
  std::string_view state, mark, colour;
};
constexpr std::array<Look, 5> kLooks = {{{"PENDING", "○", "\x1b[2m"},
                                         {"RUNNING", "◐", "\x1b[36m"},
                                         {"SUCCEEDED", "●", "\x1b[32m"},
                                         {"FAILED", "✗", "\x1b[31m"},
                                         {"SKIPPED", "–", "\x1b[2m"}}};

const Look& look_of(std::string_view state) {
  for (const Look& look : kLooks) {
    if (look.state == state) return look;
  }
  return kLooks[0];
}

bool same_states(const std::vector<LabStep>& a, const std::vector<LabStep>& b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (a[i].state != b[i].state || a[i].name != b[i].name || a[i].note != b[i].note) return false;
  }
  return true;
}

}  // namespace

Progress::Progress(Style style, bool to_stderr) : style_(style), out_(to_stderr ? stderr : stdout) {}
Progress::~Progress() { std::fflush(out_); }

void Progress::show(const std::vector<LabStep>& raw) {
  std::vector<LabStep> steps = raw;
  for (LabStep& step : steps) {  // names and notes are the server's and the tasks' text
    step.name = terminal_line(step.name);
    step.note = terminal_line(step.note);
  }
  if (style_ == Style::lines) {
    print_changes(steps);
  } else {
    const auto now = std::chrono::steady_clock::now();
    if (same_states(shown_, steps) && now - last_drawn_ < kRedrawEvery) return;
    last_drawn_ = now;
    draw_tree(steps);
  }
  shown_ = steps;
  std::fflush(out_);
}

void Progress::draw_tree(const std::vector<LabStep>& steps) {
  std::string text;
  if (lines_drawn_ > 0) text += fmt::format("\x1b[{}A", lines_drawn_);
  for (std::size_t i = 0; i < steps.size(); ++i) {
    const LabStep& step = steps[i];
    const Look& look = look_of(step.state);
    const bool last_child = i + 1 == steps.size() || steps[i + 1].depth < step.depth;
    const std::string_view branch = step.depth == 0 ? "" : last_child ? "  └─ " : "  ├─ ";
    std::string time = step.state == "PENDING" || step.state == "SKIPPED" ? "" : fmt::format("{:6.2f} s", step.seconds);
    text += fmt::format("\x1b[2K{}{}{}\x1b[0m {:<{}} {:>9}  {}\n", branch, look.colour, look.mark, step.name,
                        step.depth == 0 ? 34 : 29, time, step.note);
  }
  std::fwrite(text.data(), 1, text.size(), out_);
  lines_drawn_ = steps.size();
}

void Progress::print_changes(const std::vector<LabStep>& steps) {
  for (const LabStep& step : steps) {
    const LabStep* before = nullptr;
    for (const LabStep& candidate : shown_) {
      if (candidate.name == step.name && candidate.depth == step.depth) before = &candidate;
    }
    if (step.state == "PENDING" || (before != nullptr && before->state == step.state)) continue;
    const std::string indent(static_cast<std::size_t>(step.depth) * 2, ' ');
    if (step.state == "RUNNING") {
      fmt::print(out_, "{}{}: running\n", indent, step.name);
    } else {
      fmt::print(out_, "{}{}: {} in {:.2f} s{}{}\n", indent, step.name,
                 step.state == "SUCCEEDED" ? "succeeded"
                 : step.state == "FAILED"  ? "failed"
                                           : "skipped",
                 step.seconds, step.note.empty() ? "" : "  ", step.note);
    }
  }
}

}  // namespace millrace::app
