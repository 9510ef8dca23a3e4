#include "app/cli/act_on_run.h"

#include <cstdio>

#include <fmt/core.h>

#include "app/cli/find.h"
#include "app/cli/watch.h"
#include "base/json.h"

namespace millrace::app {

void ActOnRun::declare(Syntax& syntax) {
  syntax.argument("RUN", run_, kRunHelp);
  syntax.flag("-w,--watch", watch_, "Show the tasks until the run has ended");
  declare_server(syntax);
  declare_json(syntax);
  syntax.examples(std::string(examples_));
}

Result<int> ActOnRun::run() {
  const auto client = MR_TRY(connect());
  const Value run = MR_TRY(find_run(*client, run_));
  const std::string id = run["run_id"].string_or();
  MR_TRY(client->call("POST", fmt::format("/runs/{}{}", id, verb_), Value::object()));
  if (watch_) {
    const Value ended = MR_TRY(watch_run(*client, id, json_ ? stderr : stdout));
    if (json_) fmt::print("{}\n", to_json_pretty(ended));
    return exit_code(ended);
  }
  say(json_ ? MR_TRY(client->run(id)) : Value(),
      fmt::format("{} ({}) {}", run["display_name"].string_or(), id, outcome_));
  return kSucceeded;
}

}  // namespace millrace::app
