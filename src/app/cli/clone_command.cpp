// millrace clone RUN

#include <fmt/core.h>

#include "app/cli/command.h"
#include "app/cli/find.h"
#include "app/cli/parameters.h"
#include "app/cli/submission.h"
#include "pipelines/api/run_message.h"

namespace millrace::app {
namespace {

class Clone final : public ClientCommand {
 public:
  void declare(Syntax& syntax) override {
    syntax.argument("RUN", run_, kRunHelp);
    options_.declare_settings(syntax);
    syntax.flag("-w,--watch", watch_, "Show the tasks until the run has ended");
    declare_server(syntax);
    declare_json(syntax);
    syntax.examples("  millrace clone latest --watch\n  millrace clone hello -p text=Bye --no-cache\n",
                    "What is given replaces what the run had; its parameters, experiment, service account and pipeline "
                    "root stay otherwise.\n");
  }

  Result<int> run() override {
    const auto client = MR_TRY(connect());
    const Value earlier = MR_TRY(find_run(*client->as_it_is(), run_));
    Source source = MR_TRY(source_of_run(*client, earlier));
    Value parameters =
        MR_TRY(replace_parameters(*source.spec, earlier["runtime_config"]["parameters"], options_.parameters));
    const auto keep = [&](std::string& option, const Value& had) {
      if (option.empty()) option = had.string_or();
    };
    if (options_.name.empty()) options_.name = fmt::format("Clone of {}", earlier["display_name"].string_or());
    keep(options_.pipeline_root, earlier["runtime_config"]["pipeline_root"]);
    // What is noted of a run that names none is no name to give another run.
    if (earlier["service_account"].string_or() != pipelines::api::kServiceAccount)
      keep(options_.service_account, earlier["service_account"]);
    Value message = MR_TRY(submission(*client, std::move(source), std::move(parameters), options_));
    if (options_.experiment.empty()) message.set("experiment_id", earlier["experiment_id"]);
    return present_started(*client, MR_TRY(client->call("POST", "/runs", message)), watch_, json_);
  }

 private:
  std::string run_;
  SubmissionOptions options_;
  bool watch_ = false;
};

}  // namespace

std::unique_ptr<Command> make_clone() { return std::make_unique<Clone>(); }

}  // namespace millrace::app
