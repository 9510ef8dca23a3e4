#include "app/cli/watch.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <map>

#include <fmt/core.h>

#include "app/cli/changes.h"
#include "app/cli/details.h"
#include "app/cli/preparing.h"
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

  void show(const Value& run, const std::map<std::string, std::string>& notes, bool last) {
    const Time now = SystemClock().now();
    if (live_) {
      redraw(run, notes, now, last);
    } else {
      for (const std::string& line : changes_.since(run, now, notes)) fmt::print(out_, "{}\n", line);
    }
    std::fflush(out_);
  }

 private:
  void redraw(const Value& run, const std::map<std::string, std::string>& notes, Time now, bool last) {
    const TerminalSize size = terminal_size(out_);
    // While it moves it must fit: what has scrolled away cannot be drawn again.
    const std::size_t height = last || size.height < 2 ? 0 : size.height - 1;
    std::string text = drawn_ > 0 ? fmt::format("\x1b[{}A\r", drawn_) : "";
    const auto lines = draw_tree(run, now, {size.width, height, colour_, notes});
    for (const std::string& line : lines) text += line + "\x1b[K\n";
    text += "\x1b[J";
    drawn_ = lines.size();
    std::fwrite(text.data(), 1, text.size(), out_);
  }

  std::FILE* out_;
  bool live_, colour_;
  std::size_t drawn_ = 0;
  Changes changes_;
};

// The tasks and their states: while these are the same, the console has nothing new of them.
std::string outline_of(const Value& run) {
  std::string outline;
  for (const Value& task : run["run_details"]["task_details"].items()) {
    outline += fmt::format("{}\n{}\n{}\n", task["task_id"].string_or(), task["state"].string_or(),
                           task["state_history"].size());
  }
  return outline;
}

// A run as it is now, with what the console knows of its tasks: asked for when something has changed.
class Looking {
 public:
  Looking(ApiClient& client, std::string run_id) : client_(client), run_id_(std::move(run_id)) {}

  Result<Value> look() {
    Value run = MR_TRY(client_.run(run_id_));
    std::string outline = outline_of(run);
    // Asked after the run: what the run has, the console has, too.
    if (outline != outline_ || console_.is_null()) {
      auto console = client_.console_run(run_id_);
      if (!console && console.error().code != Code::permission_denied) return console;
      console_ = console ? std::move(*console) : Value::object();
      outline_ = std::move(outline);
    }
    add_task_facts(run, console_);
    return run;
  }

 private:
  ApiClient& client_;
  const std::string run_id_;
  std::string outline_;
  Value console_;
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

void print_failure(ApiClient& client, const Value& run, std::FILE* out) {
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

Result<Value> watch_run(ApiClient& client, const std::string& run_id, std::FILE* out) {
  Screen screen(out);
  Looking looking(client, run_id);
  Preparing preparing(client, run_id);
  while (true) {
    const auto asked = SteadyClock::now();
    Value run = MR_TRY(looking.look());
    const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(SteadyClock::now() - asked);
    const bool ended = is_final(run["state"].string_or());
    screen.show(run, preparing.notes(task_tree(run, SystemClock().now())), ended);
    if (ended) {
      print_failure(client, run, out);
      return run;
    }
    if (interrupted_within(std::max(kLookEvery, kPatience * took))) return fail(Code::cancelled, "interrupted");
  }
}

}  // namespace millrace::app
