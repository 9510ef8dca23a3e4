#include "app/cli/watch.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <map>

#include <fmt/core.h>

#include "app/cli/text.h"
#include "app/cli/tree.h"
#include "base/strings.h"
#include "base/terminal_text.h"
#include "base/time.h"

namespace millrace::app {
namespace {

using SteadyClock = std::chrono::steady_clock;
constexpr std::chrono::milliseconds kLookEvery{100};
constexpr int kPatience = 4;       // a large run is asked for less often: this times what an answer took
constexpr std::size_t kTail = 15;  // lines of a failed task's log
constexpr std::size_t kTailBytes = 32'768;
constexpr std::size_t kFailedShown = 3;

// true: a signal that is blocked came meanwhile.
bool interrupted_within(std::chrono::milliseconds time) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  const timespec wait{time.count() / 1000, time.count() % 1000 * 1'000'000};
  return ::sigtimedwait(&set, nullptr, &wait) > 0;
}

class Screen {
 public:
  explicit Screen(std::FILE* out) : out_(out), live_(is_terminal(out)), colour_(wants_colour(out)) {}

  void show(const Value& run, bool last) {
    const Time now = SystemClock().now();
    if (live_) {
      redraw(run, now, last);
    } else {
      print_changes(run, now);
    }
    std::fflush(out_);
  }

 private:
  void redraw(const Value& run, Time now, bool last) {
    const TerminalSize size = terminal_size(out_);
    // While it moves it must fit: what has scrolled away cannot be drawn again.
    const std::size_t height = last || size.height < 2 ? 0 : size.height - 1;
    std::string text = drawn_ > 0 ? fmt::format("\x1b[{}A\r", drawn_) : "";
    const auto lines = draw_tree(run, now, {size.width, height, colour_});
    for (const std::string& line : lines) text += line + "\x1b[K\n";
    text += "\x1b[J";
    drawn_ = lines.size();
    std::fwrite(text.data(), 1, text.size(), out_);
  }

  void print_changes(const Value& run, Time now) {
    for (const TaskLine& task : task_tree(run, now)) {
      std::string& before = states_[task.id];
      if (before == task.state) continue;
      before = task.state;
      if (task.state == "PENDING" || task.state == "RUNTIME_STATE_UNSPECIFIED") continue;
      const bool timed = is_final(task.state) && task.state != "SKIPPED" && task.seconds >= 0;
      fmt::print(out_, "{}: {}{}{}{}\n", task.path, look_of_state(task.state).word,
                 timed ? " in " + duration_text(task.seconds) : "", task.error.empty() ? "" : ": ", task.error);
    }
    const std::string state = run_state(run);
    if (is_final(state))
      fmt::print(out_, "{} {} in {}\n", one_line(run["display_name"].string_or()), look_of_state(state).word,
                 duration_text(run_seconds(run, now)));
  }

  std::FILE* out_;
  bool live_, colour_;
  std::size_t drawn_ = 0;
  std::map<std::string, std::string> states_;
};

}  // namespace

bool is_terminal(std::FILE* out) {
  const char* terminal = std::getenv("TERM");
  return ::isatty(::fileno(out)) == 1 && !(terminal != nullptr && std::string_view(terminal) == "dumb");
}

bool wants_colour(std::FILE* out) {
  const char* no = std::getenv("NO_COLOR");
  return is_terminal(out) && (no == nullptr || *no == '\0');
}

TerminalSize terminal_size(std::FILE* out) {
  winsize size{};
  if (!is_terminal(out) || ::ioctl(::fileno(out), TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return {};
  return {size.ws_col, size.ws_row};
}

void print_failure(DoorClient& client, const Value& run, std::FILE* out) {
  if (run_state(run) != "FAILED") return;
  std::size_t shown = 0;
  for (const TaskLine& task : task_tree(run, SystemClock().now())) {
    if (task.state != "FAILED" || task.pod.empty()) continue;
    if (shown++ == kFailedShown) break;
    std::string tail;
    const Status read = client.log(run["run_id"].string_or(), task.id, false, [&](std::string_view part) {
      tail += part;
      if (tail.size() > 2 * kTailBytes) tail.erase(0, tail.size() - kTailBytes);
      return true;
    });
    if (!read) {
      fmt::print(out, "\nThe log of {} cannot be read: {}\n", task.path, terminal_text(read.error().message));
      continue;
    }
    auto lines = split(trim(tail), '\n');
    if (lines.size() == 1 && lines[0].empty()) {
      fmt::print(out, "\n{} wrote no log.\n", task.path);
      continue;
    }
    const std::size_t from = lines.size() > kTail ? lines.size() - kTail : 0;
    fmt::print(out, "\nThe last lines of {}:\n\n", task.path);
    for (std::size_t i = from; i < lines.size(); ++i) fmt::print(out, "  {}\n", one_line(lines[i]));
  }
  if (shown == 0 && !run["error"]["message"].string_or().empty())
    fmt::print(out, "\n{}\n", terminal_text(run["error"]["message"].string_or()));
}

Result<Value> watch_run(DoorClient& client, const std::string& run_id, std::FILE* out) {
  Screen screen(out);
  while (true) {
    const auto asked = SteadyClock::now();
    Value run = MR_TRY(client.run(run_id));
    const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(SteadyClock::now() - asked);
    const bool ended = is_final(run["state"].string_or());
    screen.show(run, ended);
    if (ended) {
      print_failure(client, run, out);
      return run;
    }
    if (interrupted_within(std::max(kLookEvery, kPatience * took))) return fail(Code::cancelled, "interrupted");
  }
}

}  // namespace millrace::app
