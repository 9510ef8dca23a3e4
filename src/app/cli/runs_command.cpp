// millrace runs

#include <algorithm>
#include <cstdio>

#include <fmt/core.h>

#include "app/cli/command.h"
#include "app/cli/find.h"
#include "app/cli/text.h"
#include "app/cli/tree.h"
#include "app/cli/watch.h"
#include "base/encode.h"
#include "base/json.h"
#include "base/strings.h"
#include "base/time.h"

namespace millrace::app {
namespace {

constexpr std::size_t kPage = 100, kMost = 10'000;
constexpr std::size_t kNameShown = 50;
constexpr std::size_t kLeastName = 10;
constexpr std::size_t kBeside = 50;  // columns of all but the name, at most

// The API's states, in any case; those of people who say "stopped" too.
constexpr std::string_view kStates[] = {"PENDING", "RUNNING", "SUCCEEDED", "FAILED", "CANCELING", "CANCELED"};
constexpr std::pair<std::string_view, std::string_view> kOtherWords[] = {{"stopping", "CANCELING"},
                                                                         {"stopped", "CANCELED"}};

std::string read_state(std::string& text) {
  for (const auto& [word, state] : kOtherWords) {
    if (equals_ignore_case(text, word)) text = state;
  }
  for (const std::string_view state : kStates) {
    if (!equals_ignore_case(text, state)) continue;
    text = state;
    return {};
  }
  return "a state is pending, running, succeeded, failed, canceling or canceled";
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

class Runs final : public ClientCommand {
 public:
  void declare(Syntax& syntax) override {
    syntax.text("--state", state_, "Only these: pending, running, succeeded, failed, canceling or canceled");
    syntax.check("--state", read_state);
    syntax.text("--experiment", experiment_, "Only those of this experiment (name or id)");
    syntax.flag("--archived", archived_, "Those that were put away with `millrace archive`, instead of the others");
    syntax.number("-n,--limit", limit_, 1, kMost, "At most so many");
    syntax.flag("-q,--quiet", quiet_, "Only the ids");
    declare_server(syntax);
    declare_json(syntax);
    syntax.examples("  millrace runs\n  millrace runs --state failed --limit 5\n  millrace runs --json\n");
  }

  Result<int> run() override {
    const auto client = MR_TRY(connect());
    const Value found = MR_TRY(list(*client));
    if (json_) {
      fmt::print("{}\n", to_json_pretty(found));
    } else if (quiet_) {
      for (const Value& run : found.items()) fmt::print("{}\n", run["run_id"].string_or());
    } else if (found.empty()) {
      const bool filtered = !state_.empty() || !experiment_.empty() || archived_;
      fmt::print("{}\n",
                 filtered ? "No run is like that." : "There is no run yet; start one with `millrace run FILE`.");
    } else {
      print_table(found);
    }
    return kSucceeded;
  }

 private:
  Result<Value> list(ApiClient& client) const {
    // A run that was canceled ends as FAILED in the API, as upstream's does; its history says which it is.
    const bool told_apart = state_ == "FAILED" || state_ == "CANCELED";
    const std::string_view storage = archived_ ? "ARCHIVED" : "AVAILABLE";
    std::string query = "&sort_by=created_at%20desc&filter=";
    query += state_.empty() ? filter({{"EQUALS", "storage_state", storage}})
                            : filter({{"EQUALS", "storage_state", storage},
                                      {"EQUALS", "state", told_apart ? std::string_view("FAILED") : state_}});
    if (!experiment_.empty())
      query += "&experiment_id=" + MR_TRY(find_experiment(client, experiment_))["experiment_id"].string_or();
    Value runs = Value::array();
    std::string token;
    while (runs.size() < limit_) {
      const std::size_t size = told_apart ? kPage : std::min(kPage, limit_ - runs.size());
      const Value page =
          MR_TRY(client.call("GET", fmt::format("/runs?page_size={}&page_token={}{}", size, token, query)));
      for (const Value& run : page["runs"].items()) {
        if ((told_apart && run_state(run) != state_) || runs.size() == limit_) continue;
        Value short_run = run;
        short_run.erase("pipeline_spec");  // a listing is for choosing one
        runs.push(std::move(short_run));
      }
      token = percent_encode(page["next_page_token"].string_or());
      if (token.empty()) break;
    }
    return runs;
  }

  std::string state_, experiment_;
  std::size_t limit_ = 20;
  bool quiet_ = false;  // ids alone
  bool archived_ = false;
};

}  // namespace

std::unique_ptr<Command> make_runs() { return std::make_unique<Runs>(); }

}  // namespace millrace::app
