// millrace delete: a run, a pipeline, a version of one, an experiment

#include <unistd.h>

#include <cstdio>

#include <fmt/core.h>

#include "app/cli/command.h"
#include "app/cli/find.h"
#include "app/cli/slow.h"
#include "base/encode.h"
#include "base/terminal_text.h"

namespace millrace::app {
namespace {

// What is to be deleted: its place in the API, and what a person calls it.
struct Target {
  std::string path, name;
};

class Delete final : public ClientCommand {
 public:
  void declare(Syntax& syntax) override {
    syntax.argument("RUN", run_, kRunHelp, false);
    syntax.text("--pipeline", pipeline_, "Instead of RUN: a pipeline with its versions, by name or id");
    syntax.text("--pipeline-version", version_, "With --pipeline: only this version of it");
    syntax.text("--experiment", experiment_, "Instead of RUN: an experiment; its runs stay");
    syntax.excludes("--pipeline", "RUN");
    syntax.excludes("--experiment", "RUN");
    syntax.excludes("--experiment", "--pipeline");
    syntax.needs("--pipeline-version", "--pipeline");
    syntax.flag("-y,--yes", yes_, "Do not ask (it is asked on a terminal only)");
    declare_server(syntax);
    declare_json(syntax);
    syntax.examples(
        "  millrace delete 1f0c\n  millrace delete --pipeline hello --pipeline-version second\n"
        "  millrace delete --experiment trials --yes\n",
        "A run under way is stopped first. Its logs go with it; its artifacts stay until `millrace prune`.\n");
  }

  Result<int> run() override {
    const auto client = MR_TRY(connect());
    const Target target = MR_TRY(find_target(*client));
    if (!is_confirmed(target)) return fail(Code::failed_precondition, "nothing was deleted");
    MR_TRY(saying(fmt::format("{} is being stopped before it is deleted", target.name),
                  [&] { return client->call("DELETE", target.path); }));
    say(Value::object({{"deleted", target.name}}), target.name + " is deleted.");
    return kSucceeded;
  }

 private:
  Result<Target> find_target(ApiClient& client) const {
    const auto named = [](std::string_view kind, const Value& found, std::string_view id) {
      return fmt::format("{} {} ({})", kind, terminal_line(found["display_name"].string_or()), found[id].string_or());
    };
    if (!run_.empty()) {
      const Value run = MR_TRY(find_run(client, run_));
      return Target{"/runs/" + percent_encode(run["run_id"].string_or()), named("the run", run, "run_id")};
    }
    if (!experiment_.empty()) {
      const Value experiment = MR_TRY(find_experiment(client, experiment_));
      return Target{"/experiments/" + percent_encode(experiment["experiment_id"].string_or()),
                    named("the experiment", experiment, "experiment_id")};
    }
    if (pipeline_.empty())
      return fail(Code::invalid_argument, "name what is to be deleted: RUN, --pipeline or --experiment");
    const Value pipeline = MR_TRY(find_pipeline(client, pipeline_));
    const std::string path = "/pipelines/" + percent_encode(pipeline["pipeline_id"].string_or());
    if (version_.empty()) return Target{path + "?cascade=true", named("the pipeline", pipeline, "pipeline_id")};
    const Value version = MR_TRY(find_version(client, pipeline, version_));
    return Target{path + "/versions/" + percent_encode(version["pipeline_version_id"].string_or()),
                  named("the version", version, "pipeline_version_id")};
  }

  bool is_confirmed(const Target& target) const {
    if (yes_ || json_ || ::isatty(STDIN_FILENO) == 0) return true;
    fmt::print(stderr, "Delete {}? [y/N] ", target.name);
    const int first = std::getchar();
    return first == 'y' || first == 'Y';
  }

  std::string run_, pipeline_, version_, experiment_;
  bool yes_ = false;
};

}  // namespace

std::unique_ptr<Command> make_delete() { return std::make_unique<Delete>(); }

}  // namespace millrace::app
