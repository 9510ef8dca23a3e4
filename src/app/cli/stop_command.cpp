// millrace stop RUN

#include <cstdio>

#include <fmt/core.h>

#include "app/cli/command.h"
#include "app/cli/find.h"
#include "app/cli/watch.h"
#include "base/json.h"

namespace millrace::app {
namespace {

class Stop final : public ClientCommand {
 public:
  void declare(Syntax& syntax) override {
    syntax.argument("RUN", run_, kRunHelp);
    syntax.flag("-w,--watch", watch_, "Show the tasks until the run has ended");
    declare_server(syntax);
    declare_json(syntax);
    syntax.examples("  millrace stop latest\n  millrace stop 1f0c --watch\n");
  }

  Result<int> run() override {
    const auto client = MR_TRY(connect());
    const Value run = MR_TRY(find_run(*client, run_));
    const std::string id = run["run_id"].string_or();
    MR_TRY(client->call("POST", "/runs/" + id + ":terminate", Value::object()));
    if (watch_) {
      // That it ends canceled is what was asked for.
      const Value ended = MR_TRY(watch_run(*client, id, json_ ? stderr : stdout));
      if (json_) fmt::print("{}\n", to_json_pretty(ended));
      return kSucceeded;
    }
    say(json_ ? MR_TRY(client->run(id)) : Value(),
        fmt::format("{} ({}) is being stopped.", run["display_name"].string_or(), id));
    return kSucceeded;
  }

 private:
  std::string run_;
  bool watch_ = false;
};

}  // namespace

std::unique_ptr<Command> make_stop() { return std::make_unique<Stop>(); }

}  // namespace millrace::app
