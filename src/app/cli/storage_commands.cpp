// millrace archive, millrace unarchive: a run or an experiment

#include <fmt/core.h>

#include "app/cli/command.h"
#include "app/cli/find.h"
#include "base/encode.h"
#include "base/terminal_text.h"

namespace millrace::app {
namespace {

class Storage : public ClientCommand {
 public:
  Storage(std::string verb, std::string done) : verb_(std::move(verb)), done_(std::move(done)) {}

  void declare(Syntax& syntax) override {
    syntax.argument("RUN", run_, kRunHelp, false);
    syntax.text("--experiment", experiment_, "Instead of RUN: an experiment, by its name or id");
    syntax.excludes("--experiment", "RUN");
    declare_server(syntax);
    declare_json(syntax);
    syntax.examples(fmt::format("  millrace {0} latest\n  millrace {0} --experiment trials\n", verb_),
                    verb_ == "archive" ? "Nothing is removed: an archived run can be shown, cloned and listed with "
                                         "`millrace runs --archived`. With an experiment its runs are\narchived and "
                                         "its recurring runs disabled.\n"
                                       : "");
  }

  Result<int> run() override {
    if (run_.empty() == experiment_.empty())
      return fail(Code::invalid_argument, "name what is meant: RUN, or --experiment");
    const auto client = MR_TRY(connect());
    const bool is_run = experiment_.empty();
    const Value found = is_run ? MR_TRY(find_run(*client, run_)) : MR_TRY(find_experiment(*client, experiment_));
    const std::string path = is_run ? "/runs/" + percent_encode(found["run_id"].string_or())
                                    : "/experiments/" + percent_encode(found["experiment_id"].string_or());
    MR_TRY(client->call("POST", path + ":" + verb_, Value::object()));
    say(MR_TRY(client->call("GET", path)),
        fmt::format("{} is {}.", terminal_line(found["display_name"].string_or()), done_));
    return kSucceeded;
  }

 private:
  std::string verb_, done_;  // "archive", "archived"
  std::string run_, experiment_;
};

}  // namespace

std::unique_ptr<Command> make_archive() { return std::make_unique<Storage>("archive", "archived"); }
std::unique_ptr<Command> make_unarchive() { return std::make_unique<Storage>("unarchive", "listed again"); }

}  // namespace millrace::app
