// millrace recurring list, enable, disable, delete

#include <fmt/core.h>

#include "app/cli/command.h"
#include "app/cli/find.h"
#include "app/cli/recurring.h"
#include "app/cli/text.h"
#include "base/encode.h"
#include "base/strings.h"

namespace millrace::app {
namespace {

constexpr std::size_t kMost = 10'000, kNameShown = 40, kIdShown = 8;

class RecurringList final : public ClientCommand {
 public:
  void declare(Syntax& syntax) override {
    syntax.number("-n,--limit", limit_, 1, kMost, "At most so many");
    declare_server(syntax);
    declare_json(syntax);
    syntax.examples("  millrace recurring list\n  millrace recurring list --json\n");
  }

  Result<int> run() override {
    const auto client = MR_TRY(connect());
    Value found = MR_TRY(list_all(*client, "/recurringruns?sort_by=created_at%20desc", "recurringRuns", limit_));
    const std::string zone = cron_time_zone(MR_TRY(client->call("GET", "/healthz")));
    std::vector<std::vector<std::string>> rows = {{"RECURRING", "NAME", "STATE", "SCHEDULE", "NEXT", "ERROR"}};
    for (Value& one : found.as_array()) {
      one.erase("pipeline_spec");  // a listing is for choosing one
      const std::string next = one["mode"].string_or() == "ENABLE" ? next_times(one, zone) : "";
      rows.push_back({one["recurring_run_id"].string_or().substr(0, kIdShown),
                      cut(one_line(one["display_name"].string_or()), kNameShown), recurring_state(one),
                      schedule_text(one, zone), next.substr(0, next.find(',')),
                      one_line(one["error"]["message"].string_or())});
    }
    say(found, found.empty() ? "There is no recurring run yet; make one with `millrace recurring create`."
                             : join(align(rows), "\n"));
    return kSucceeded;
  }

 private:
  std::size_t limit_ = 100;
};

// What is done to one recurring run: a verb of the API.
struct Change {
  std::string_view command, method, suffix, done, more;
};

class RecurringChange final : public ClientCommand {
 public:
  explicit RecurringChange(const Change& change) : change_(change) {}

  void declare(Syntax& syntax) override {
    syntax.argument("NAME", name_, "The recurring run, by its name (the newest that has it) or id");
    declare_server(syntax);
    declare_json(syntax);
    syntax.examples(fmt::format("  millrace recurring {} nightly\n", change_.command), std::string(change_.more));
  }

  Result<int> run() override {
    const auto client = MR_TRY(connect());
    const Value found = MR_TRY(find_recurring(*client, name_));
    const std::string path = "/recurringruns/" + percent_encode(found["recurring_run_id"].string_or());
    const bool is_deletion = change_.suffix.empty();
    MR_TRY(client->call(change_.method, path + std::string(change_.suffix), is_deletion ? Value() : Value::object()));
    say(is_deletion || !json_ ? Value::object({{"deleted", found["recurring_run_id"]}})
                              : MR_TRY(client->call("GET", path)),
        fmt::format("{} is {}.", one_line(found["display_name"].string_or()), change_.done));
    return kSucceeded;
  }

 private:
  const Change change_;
  std::string name_;
};

}  // namespace

std::unique_ptr<Command> make_recurring_list() { return std::make_unique<RecurringList>(); }

std::unique_ptr<Command> make_recurring_enable() {
  return std::make_unique<RecurringChange>(
      Change{"enable", "POST", ":enable", "enabled",
             "Times that were missed meanwhile are run, all or (with --no-catchup) the last.\n"});
}

std::unique_ptr<Command> make_recurring_disable() {
  return std::make_unique<RecurringChange>(
      Change{"disable", "POST", ":disable", "disabled", "Runs that are under way go on.\n"});
}

std::unique_ptr<Command> make_recurring_delete() {
  return std::make_unique<RecurringChange>(
      Change{"delete", "DELETE", "", "deleted", "The runs that it started stay.\n"});
}

}  // namespace millrace::app
