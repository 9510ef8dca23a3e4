// millrace retry RUN

#include <cstdio>

#include <fmt/core.h>

#include "app/cli/client.h"
#include "app/cli/commands.h"
#include "app/cli/tree.h"
#include "app/cli/watch.h"
#include "base/json.h"

namespace millrace::app {
namespace {

Result<int> retry(const OneRunOptions& options) {
  const auto client = MR_TRY(DoorClient::open(options.address, text_for(options.json)));
  const Value run = MR_TRY(client->find_run(options.run));
  const std::string id = run["run_id"].string_or();
  MR_TRY(client->call("POST", "/runs/" + id + ":retry", Value::object()));
  if (options.watch) {
    const Value ended = MR_TRY(watch_run(*client, id, options.json ? stderr : stdout));
    if (options.json) fmt::print("{}\n", to_json_pretty(ended));
    return exit_of_state(run_state(ended));
  }
  if (options.json) {
    fmt::print("{}\n", to_json_pretty(MR_TRY(client->run(id))));
  } else {
    fmt::print("{} ({}) goes on: what failed or was stopped runs again.\n", run["display_name"].string_or(), id);
  }
  return kSucceeded;
}

}  // namespace

int retry_command(const OneRunOptions& options) {
  const auto code = retry(options);
  return code ? *code : report(code.error(), options.json);
}

}  // namespace millrace::app
