// millrace logs [-f] RUN [TASK]

#include <signal.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <set>
#include <thread>

#include <fmt/core.h>

#include "app/cli/command.h"
#include "app/cli/find.h"
#include "app/cli/text.h"
#include "app/cli/tree.h"
#include "app/cli/watch.h"
#include "base/json.h"
#include "base/strings.h"
#include "base/terminal_text.h"
#include "base/time.h"

namespace millrace::app {
namespace {

constexpr std::size_t kMaxFollowed = 32;  // logs that are read at once
constexpr std::chrono::milliseconds kLookEvery{200};
constexpr std::size_t kMaxLine = 65'536;  // a longer one is printed in parts
constexpr std::size_t kMaxName = 24;      // of the task before a line

bool has_log(const TaskLine& task) {
  return !task.pod.empty() && task.state != "PENDING" && task.state != "SKIPPED" && task.state != "CACHED";
}

// Lines of several logs on one output, whole, each behind its task's name.
class Output {
 public:
  Output(bool json, bool named) : json_(json), named_(named) {}

  void line(const std::string& task, std::string_view text) {
    const std::lock_guard lock(mutex_);
    if (json_) {
      fmt::print("{}\n", to_json(Value::object({{"task", task}, {"line", text}})));
    } else if (named_) {
      const std::string name = pad(cut(task, kMaxName), std::min<std::size_t>(width_, kMaxName));
      fmt::print("{} │ {}\n", name, text);
    } else {
      fmt::print("{}\n", text);
    }
    // While a transfer goes on SIGPIPE is held back: a reader that has gone (`| head -1`) ends the command here.
    if (std::fflush(stdout) != 0) std::_Exit(128 + SIGPIPE);
  }
  void widen(std::size_t width) {
    const std::lock_guard lock(mutex_);
    width_ = std::max(width_, width);
  }

 private:
  std::mutex mutex_;
  bool json_, named_;
  std::size_t width_ = 0;
};

Status print_log(ApiClient& client, const std::string& run_id, const TaskLine& task, bool follow, Output& output) {
  std::string rest;
  const Status read = client.log(run_id, task.id, follow, [&](std::string_view part) {
    rest += part;
    std::size_t start = 0;
    for (std::size_t end; (end = rest.find('\n', start)) != std::string::npos; start = end + 1)
      output.line(task.path, std::string_view(rest).substr(start, end - start));
    rest.erase(0, start);
    if (rest.size() > kMaxLine) {
      output.line(task.path, rest);
      rest.clear();
    }
    return true;
  });
  if (!rest.empty()) output.line(task.path, rest);
  return read;
}

bool is_called(const TaskLine& task, const std::string& name) {
  return task.path == name || task.name == name || task.id == name || task.pod == name;
}

Result<std::vector<TaskLine>> chosen_tasks(const Value& run, const std::string& name) {
  std::vector<TaskLine> tasks;
  std::vector<std::string> known;
  for (TaskLine& task : task_tree(run, SystemClock().now())) {
    if (task.is_dag || task.pod.empty()) continue;
    known.push_back(task.path);
    if (name.empty() || is_called(task, name) || task.path.starts_with(name + "/")) tasks.push_back(std::move(task));
  }
  if (!name.empty() && tasks.empty() && is_final(run["state"].string_or())) {
    if (known.size() > 20) known = {fmt::format("{} of them", known.size())};
    return fail(Code::not_found, fmt::format("the run has no task {} with a log; its tasks: {}", name,
                                             known.empty() ? "none" : join(known, ", ")));
  }
  return tasks;
}

Result<Value> follow_all(ApiClient& client, const std::string& run_id, const std::string& name, Output& output) {
  struct Reader {
    std::thread thread;
    std::shared_ptr<std::atomic<bool>> done;  // shared with its thread
  };
  std::vector<Reader> readers;
  std::set<std::string> begun;
  const auto join_all = [&] {
    for (Reader& reader : readers) reader.thread.join();
    readers.clear();
  };
  while (true) {
    auto run = client.run(run_id);
    auto tasks = run ? chosen_tasks(*run, name) : Result<std::vector<TaskLine>>(fail(run.error()));
    if (!tasks) {
      join_all();
      return fail(tasks.error());
    }
    std::erase_if(readers, [](Reader& reader) {
      if (!reader.done->load()) return false;
      reader.thread.join();
      return true;
    });
    bool left = false, waiting = tasks->empty() && !name.empty();
    for (const TaskLine& task : *tasks) {
      output.widen(display_width(task.path));
      if (!is_final(task.state)) waiting = true;
      if (!has_log(task) || begun.contains(task.pod)) continue;
      if (readers.size() >= kMaxFollowed) {
        left = true;
        continue;
      }
      begun.insert(task.pod);
      auto done = std::make_shared<std::atomic<bool>>(false);
      readers.push_back({std::thread([&client, &output, run_id, task, done] {
                           const Status read = print_log(client, run_id, task, true, output);
                           if (!read && read.error().code != Code::not_found)
                             fmt::print(stderr, "millrace: the log of {}: {}\n", task.path,
                                        terminal_text(read.error().message));
                           done->store(true);
                         }),
                         done});
    }
    const bool ended = is_final((*run)["state"].string_or()) || (!name.empty() && !waiting);
    if (ended && !left) {
      join_all();
      return run;
    }
    std::this_thread::sleep_for(kLookEvery);
  }
}

class Logs final : public ClientCommand {
 public:
  void declare(Syntax& syntax) override {
    syntax.argument("RUN", run_, kRunHelp);
    syntax.argument("TASK", task_, "Only this task (or this group): its name or its path, as in loop/0/train", false);
    syntax.flag("-f,--follow", follow_, "Until the run has ended; the exit code is the run's outcome");
    declare_server(syntax);
    declare_json(syntax, "An object a line: {\"task\": …, \"line\": …}");
    syntax.examples("  millrace logs latest\n  millrace logs -f latest train\n");
  }

  Result<int> run() override {
    const auto client = MR_TRY(connect());
    const Value run = MR_TRY(find_run(*client, run_));
    const std::string id = run["run_id"].string_or();
    const auto tasks = MR_TRY(chosen_tasks(run, task_));
    Output output(json_, task_.empty() || tasks.size() > 1);
    for (const TaskLine& task : tasks) output.widen(display_width(task.path));
    if (follow_) return exit_of_state(run_state(MR_TRY(follow_all(*client, id, task_, output))));
    for (const TaskLine& task : tasks) {
      if (!has_log(task)) continue;
      MR_TRY(print_log(*client, id, task, false, output));
    }
    return kSucceeded;
  }

 private:
  std::string run_, task_;
  bool follow_ = false;
};

}  // namespace

std::unique_ptr<Command> make_logs() { return std::make_unique<Logs>(); }

}  // namespace millrace::app
