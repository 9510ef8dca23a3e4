// millrace runs

#include <algorithm>
#include <cstdio>

#include <fmt/core.h>

#include "app/cli/client.h"
#include "app/cli/commands.h"
#include "app/cli/text.h"
#include "app/cli/tree.h"
#include "app/cli/watch.h"
#include "base/encode.h"
#include "base/json.h"
#include "base/time.h"

namespace millrace::app {
namespace {

constexpr std::size_t kPage = 100;
constexpr std::size_t kNameShown = 50;
constexpr std::size_t kLeastName = 10;
constexpr std::size_t kBeside = 50;  // columns of all but the name, at most

Result<Value> list(DoorClient& client, const RunsOptions& options) {
  std::string query = "&sort_by=created_at%20desc";
  // A run that was stopped ends as FAILED at the door, as upstream's does; its history says which it is.
  const bool told_apart = options.state == "FAILED" || options.state == "CANCELED";
  if (!options.state.empty()) query += "&filter=" + filter("EQUALS", "state", told_apart ? "FAILED" : options.state);
  if (!options.experiment.empty()) query += "&experiment_id=" + MR_TRY(client.find_experiment(options.experiment));
  Value runs = Value::array();
  std::string token;
  while (runs.size() < options.limit) {
    const std::size_t size = told_apart ? kPage : std::min(kPage, options.limit - runs.size());
    const Value page =
        MR_TRY(client.call("GET", fmt::format("/runs?page_size={}&page_token={}{}", size, token, query)));
    for (const Value& run : page["runs"].items()) {
      if ((told_apart && run_state(run) != options.state) || runs.size() == options.limit) continue;
      Value short_run = run;
      short_run.erase("pipeline_spec");  // a listing is for choosing one
      runs.push(std::move(short_run));
    }
    token = percent_encode(page["next_page_token"].string_or());
    if (token.empty()) break;
  }
  return runs;
}

void print_table(const Value& runs) {
  const Time now = SystemClock().now();
  const std::size_t width = terminal_size(stdout).width;
  const std::size_t shown =
      is_terminal(stdout) ? std::clamp(width > kBeside ? width - kBeside : 0, kLeastName, kNameShown) : kNameShown;
  std::vector<std::vector<std::string>> rows = {{"RUN", "NAME", "STATE", "STARTED", "TOOK"}};
  for (const Value& run : runs.items()) {
    const auto created = parse_rfc3339(run["created_at"].string_or());
    const double age = created ? to_epoch_seconds(now) - to_epoch_seconds(*created) : 0;
    const StateLook& look = look_of_state(run_state(run));
    const double took = run_seconds(run, now);
    rows.push_back({run["run_id"].string_or().substr(0, 8), cut(one_line(run["display_name"].string_or()), shown),
                    fmt::format("{} {}", look.mark, look.word), ago_text(age),
                    took < 1    ? "< 1 s"
                    : took < 60 ? fmt::format("{:.0f} s", took)
                                : duration_text(took)});
  }
  const bool colour = wants_colour(stdout);
  const auto lines = align(rows);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    std::string line = lines[i];
    if (colour && i == 0) line = "\x1b[2m" + line + "\x1b[0m";
    if (colour && i > 0) {
      const StateLook& look = look_of_state(run_state(runs.items()[i - 1]));
      const std::string marked = fmt::format("{} {}", look.mark, look.word);
      const std::size_t at = line.rfind(marked);
      if (at != std::string::npos)
        line.replace(at, look.mark.size(), fmt::format("{}{}\x1b[0m", look.colour, look.mark));
    }
    fmt::print("{}\n", line);
  }
}

Status runs(const RunsOptions& options) {
  const auto client = MR_TRY(DoorClient::open(options.address, text_for(options.json)));
  const Value found = MR_TRY(list(*client, options));
  if (options.json) {
    fmt::print("{}\n", to_json_pretty(found));
  } else if (options.quiet) {
    for (const Value& run : found.items()) fmt::print("{}\n", run["run_id"].string_or());
  } else if (found.empty()) {
    const bool filtered = !options.state.empty() || !options.experiment.empty();
    fmt::print("{}\n", filtered ? "No run is like that." : "There is no run yet; start one with `millrace run FILE`.");
  } else {
    print_table(found);
  }
  return {};
}

}  // namespace

int runs_command(const RunsOptions& options) {
  const Status done = runs(options);
  return done ? kSucceeded : report(done.error(), options.json);
}

}  // namespace millrace::app
