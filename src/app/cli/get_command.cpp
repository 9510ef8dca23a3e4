// millrace get RUN [TASK]

#include <cstdio>
#include <map>

#include <fmt/core.h>

#include "app/cli/command.h"
#include "app/cli/details.h"
#include "app/cli/fetch.h"
#include "app/cli/find.h"
#include "app/cli/text.h"
#include "app/cli/tree.h"
#include "app/cli/watch.h"
#include "base/json.h"
#include "base/strings.h"
#include "base/time.h"

namespace millrace::app {
namespace {

constexpr std::size_t kShown = 200;  // columns of a value
constexpr std::size_t kTasks = 50;   // whose values are shown
constexpr std::size_t kKnown = 20;   // tasks that are named where another one was asked for
constexpr std::size_t kWidth = 400;  // of a line where there is no terminal

using Rows = std::vector<std::vector<std::string>>;

std::string value_text(const Value& value) {
  return cut(one_line(value.is_string() ? value.as_string() : to_json(value)), kShown);
}

std::string artifact_text(const Value& artifact) {
  const std::string id = artifact["artifact_id"].string_or();
  return cut(one_line(fmt::format("{}  {}", artifact["type"].string_or("artifact"), artifact["uri"].string_or())),
             kShown) +
         (id.empty() ? "" : fmt::format("  artifact {}", one_line(id)));
}

void add_values(const Value& side, std::string_view what, Rows& rows) {
  for (const auto& [name, value] : side["parameters"].members())
    rows.push_back({fmt::format("  {}", what), one_line(name), value_text(value)});
  for (const auto& [name, list] : side["artifacts"].members()) {
    for (const Value& artifact : list.items())
      rows.push_back({fmt::format("  {}", what), one_line(name), artifact_text(artifact)});
  }
}

// Each task that has some: its path, and what it was given and has made.
void print_values(const Value& run, const std::vector<TaskLine>& tasks) {
  std::map<std::string, const Value*> values;
  for (const Value& task : run["run_details"]["task_details"].items())
    values.emplace(task["task_id"].string_or(), &task["values"]);
  std::size_t shown = 0;
  for (const TaskLine& task : tasks) {
    const auto found = values.find(task.id);
    Rows rows;
    if (found != values.end()) {
      add_values((*found->second)["inputs"], "input", rows);
      add_values((*found->second)["outputs"], "output", rows);
    }
    if (rows.empty()) continue;
    if (shown++ == kTasks) {
      fmt::print("\n… and the values of more tasks: name one, as in `millrace get RUN {}`\n", task.path);
      return;
    }
    fmt::print("\n{}{}\n", task.path, task.state == "CACHED" ? "  (cached: it did not run)" : "");
    for (const std::string& line : align(rows)) fmt::print("{}\n", line);
  }
}

class Get final : public ClientCommand {
 public:
  void declare(Syntax& syntax) override {
    syntax.argument("RUN", run_, kRunHelp);
    syntax.argument("TASK", task_, "Only the values of this task (or group): its name or its path, as in loop/0/train",
                    false);
    syntax.text("-o,--output", output_, "Fetch the artifacts into this directory, which is made if need be");
    syntax.flag("-w,--watch", watch_, "Show the tasks until the run has ended");
    declare_server(syntax);
    declare_json(syntax);
    syntax.examples(
        "  millrace get latest\n  millrace get hello train --output results\n  millrace get hello --watch\n"
        "  millrace get 1f0c --json\n",
        "With --output each artifact is the file or directory TASK/OUTPUT, and run.json the run with the places "
        "of\nall of them. A file that is there already is replaced, a link is not followed.\n");
  }

  Result<int> run() override {
    const auto client = MR_TRY(connect());
    const std::string id = MR_TRY(find_run(*client, run_))["run_id"].string_or();
    if (watch_) MR_TRY(watch_run(*client, id, json_ ? stderr : stdout));
    // As it is: names are sent back to the server, and values may go into a file.
    const auto raw = client->as_it_is();
    Value run = MR_TRY(raw->run(id));
    MR_TRY(add_details(*raw, run));
    const auto tasks = MR_TRY(chosen(run));
    Fetched fetched;
    if (!output_.empty()) fetched = MR_TRY(fetch(*raw, run, tasks));
    if (json_) {
      fmt::print("{}\n", to_json_pretty(run));
    } else if (!watch_) {
      print(*client, run, tasks);
    }
    if (!output_.empty()) report_fetched(fetched);
    return fetched.failed.empty() ? exit_of_state(run_state(run)) : kRefused;
  }

 private:
  // The tasks that are asked for. Errors: not_found.
  Result<std::vector<TaskLine>> chosen(const Value& run) const {
    std::vector<TaskLine> tasks;
    std::vector<std::string> known;
    for (TaskLine& task : task_tree(run, SystemClock().now())) {
      if (known.size() < kKnown) known.push_back(task.path);
      if (task_.empty() || task.path == task_ || task.name == task_ || task.id == task_ || task.pod == task_ ||
          task.path.starts_with(task_ + "/"))
        tasks.push_back(std::move(task));
    }
    if (task_.empty() || !tasks.empty()) return tasks;
    return fail(Code::not_found, fmt::format("the run has no task {}; its tasks: {}", task_,
                                             known.empty() ? "none" : join(known, ", ")));
  }

  Result<Fetched> fetch(ApiClient& client, Value& run, const std::vector<TaskLine>& tasks) const {
    std::vector<std::string> ids;
    for (const TaskLine& task : tasks) {
      if (!task.is_dag) ids.push_back(task.id);
    }
    return fetch_artifacts(client, run, ids, output_);
  }

  void report_fetched(const Fetched& fetched) const {
    for (const std::string& sentence : fetched.failed) fmt::print(stderr, "not fetched: {}\n", one_line(sentence));
    if (json_) return;
    fmt::print("\n{} file{} ({}) in {}\n", fetched.files, fetched.files == 1 ? "" : "s", bytes_text(fetched.bytes),
               one_line(output_));
  }

  void print(ApiClient& client, const Value& run, const std::vector<TaskLine>& tasks) const {
    const TerminalSize size = terminal_size(stdout);
    const std::size_t width = is_terminal(stdout) ? size.width : kWidth;
    for (const std::string& line : draw_tree(run, SystemClock().now(), {width, 0, wants_colour(stdout)}))
      fmt::print("{}\n", line);
    const std::string id = one_line(run["run_id"].string_or());
    Rows facts = {{"run", id}, {"started", one_line(run["created_at"].string_or())}};
    if (is_final(run["state"].string_or())) facts.push_back({"ended", one_line(run["finished_at"].string_or())});
    facts.push_back({"page", fmt::format("{}/#/runs/details/{}", client.endpoint(), id)});
    for (const auto& [name, value] : run["runtime_config"]["parameters"].members())
      facts.push_back({"  " + one_line(name), value_text(value)});
    fmt::print("\n");
    for (const std::string& line : align(facts)) fmt::print("{}\n", line);
    print_values(run, tasks);
    print_failure(client, run, stdout);
  }

  std::string run_, task_, output_;
  bool watch_ = false;
};

}  // namespace

std::unique_ptr<Command> make_get() { return std::make_unique<Get>(); }

}  // namespace millrace::app
