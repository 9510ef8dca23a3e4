// millrace get RUN

#include <cstdio>

#include <fmt/core.h>

#include "app/cli/client.h"
#include "app/cli/commands.h"
#include "app/cli/text.h"
#include "app/cli/tree.h"
#include "app/cli/watch.h"
#include "base/json.h"
#include "base/time.h"

namespace millrace::app {
namespace {

constexpr std::size_t kShown = 200;  // of a parameter's value

void print_run(DoorClient& client, const Value& run) {
  const TerminalSize size = terminal_size(stdout);
  const std::size_t width = is_terminal(stdout) ? size.width : 400;
  for (const std::string& line : draw_tree(run, SystemClock().now(), {width, 0, wants_colour(stdout)}))
    fmt::print("{}\n", line);
  const std::string id = run["run_id"].string_or();
  std::vector<std::vector<std::string>> facts = {{"run", id}, {"started", run["created_at"].string_or()}};
  if (is_final(run["state"].string_or())) facts.push_back({"ended", run["finished_at"].string_or()});
  facts.push_back({"page", fmt::format("{}/#/runs/details/{}", client.endpoint(), id)});
  for (const auto& [name, value] : run["runtime_config"]["parameters"].members())
    facts.push_back(
        {"  " + one_line(name), cut(one_line(value.is_string() ? value.as_string() : to_json(value)), kShown)});
  fmt::print("\n");
  for (const std::string& line : align(facts)) fmt::print("{}\n", line);
  print_failure(client, run, stdout);
}

Result<int> get(const OneRunOptions& options) {
  const auto client = MR_TRY(DoorClient::open(options.address, text_for(options.json)));
  Value run = MR_TRY(client->find_run(options.run));
  if (options.watch) {
    run = MR_TRY(watch_run(*client, run["run_id"].string_or(), options.json ? stderr : stdout));
    if (options.json) fmt::print("{}\n", to_json_pretty(run));
    return exit_of_state(run_state(run));
  }
  if (options.json) {
    fmt::print("{}\n", to_json_pretty(run));
  } else {
    print_run(*client, run);
  }
  return exit_of_state(run_state(run));
}

}  // namespace

int get_command(const OneRunOptions& options) {
  const auto code = get(options);
  return code ? *code : report(code.error(), options.json);
}

}  // namespace millrace::app
