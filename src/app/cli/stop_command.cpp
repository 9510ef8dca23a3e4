// millrace stop RUN

#include <cstdio>

#include <fmt/core.h>

#include "app/cli/client.h"
#include "app/cli/commands.h"
#include "app/cli/watch.h"
#include "base/json.h"

namespace millrace::app {
namespace {

Result<int> stop(const OneRunOptions& options) {
  const auto client = MR_TRY(DoorClient::open(options.address, text_for(options.json)));
  const Value run = MR_TRY(client->find_run(options.run));
  const std::string id = run["run_id"].string_or();
  MR_TRY(client->call("POST", "/runs/" + id + ":terminate", Value::object()));
  if (options.watch) {
    // That it ends stopped is what was asked for.
    const Value ended = MR_TRY(watch_run(*client, id, options.json ? stderr : stdout));
    if (options.json) fmt::print("{}\n", to_json_pretty(ended));
  } else if (options.json) {
    fmt::print("{}\n", to_json_pretty(MR_TRY(client->run(id))));
  } else {
    fmt::print("{} ({}) is being stopped.\n", run["display_name"].string_or(), id);
  }
  return kSucceeded;
}

}  // namespace

int stop_command(const OneRunOptions& options) {
  const auto code = stop(options);
  return code ? *code : report(code.error(), options.json);
}

}  // namespace millrace::app
