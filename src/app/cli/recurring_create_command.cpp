// millrace recurring create

#include <algorithm>

#include <fmt/core.h>

#include "app/cli/command.h"
#include "app/cli/parameters.h"
#include "app/cli/recurring.h"
#include "app/cli/submission.h"
#include "app/prune/retention.h"
#include "base/terminal_text.h"
#include "base/time.h"
#include "pipelines/schedule/trigger.h"

namespace millrace::app {
namespace {

constexpr std::size_t kMaxConcurrency = 10;  // as the API's

class RecurringCreate final : public ClientCommand {
 public:
  void declare(Syntax& syntax) override {
    options_.declare_source(syntax);
    syntax.text("--cron", cron_,
                "When: second minute hour day month weekday, as in \"0 30 2 * * *\" (2:30 every day), @daily, @hourly");
    syntax.text("--every", every_, "When: so long after the one before, as in 90s, 15m, 6h, 1d");
    syntax.text("--time-zone", zone_,
                "Of --cron, such as Europe/Berlin (default: the server's, which is UTC where it was given none)");
    syntax.text("--start", start_, "Not before this time (RFC 3339: 2026-01-31T00:00:00Z)");
    syntax.text("--end", end_, "Not after this time");
    syntax.number("--max-concurrency", concurrency_, 1, kMaxConcurrency, "At most so many of its runs at once");
    syntax.flag("--no-catchup", no_catchup_, "Of times that were missed run only the last");
    syntax.flag("--disabled", disabled_, "Start nothing until `millrace recurring enable`");
    syntax.excludes("--cron", "--every");
    syntax.needs("--time-zone", "--cron");
    options_.declare_settings(syntax);
    declare_server(syntax);
    declare_json(syntax);
    syntax.examples(
        "  millrace recurring create --pipeline hello --cron \"0 30 2 * * *\" --time-zone Europe/Berlin -p text=Hi\n"
        "  millrace recurring create hello.yaml --every 1h --max-concurrency 1 --no-catchup -p text=Hi\n",
        "With --pipeline and no version, each run takes the version that is the newest then.\n");
  }

  Result<int> run() override {
    if (options_.file.empty() && options_.pipeline.empty())
      return fail(Code::invalid_argument, "name a pipeline: FILE, or --pipeline for one on the server");
    const Value trigger = MR_TRY(read_trigger());
    Source source;
    if (options_.pipeline.empty()) source = MR_TRY(source_of_file(options_.file));
    const auto client = MR_TRY(connect());
    if (!options_.pipeline.empty()) {
      source = MR_TRY(source_of_pipeline(*client, options_.pipeline, options_.version));
      // The version of that time, not of now.
      if (options_.version.empty()) source.reference.erase("pipeline_version_id");
    }
    Value parameters = MR_TRY(type_parameters(*source.spec, options_.parameters));
    Value message = MR_TRY(submission(*client, std::move(source), std::move(parameters), options_));
    message.set("trigger", trigger).set("mode", disabled_ ? "DISABLE" : "ENABLE");
    message.set("max_concurrency", concurrency_).set("no_catchup", no_catchup_);
    const Value made = MR_TRY(client->call("POST", "/recurringruns", message));
    const std::string zone = cron_time_zone(MR_TRY(client->call("GET", "/healthz")));
    say(made, fmt::format("{} is recurring run {}, {}\nnext        {}", terminal_line(made["display_name"].string_or()),
                          made["recurring_run_id"].string_or(), recurring_state(made), next_times(made, zone)));
    return kSucceeded;
  }

 private:
  Result<Value> read_trigger() const {
    if (cron_.empty() && every_.empty()) return fail(Code::invalid_argument, "say when it runs: --cron or --every");
    Value schedule = Value::object();
    schedule.set_if(!start_.empty(), "start_time", start_).set_if(!end_.empty(), "end_time", end_);
    if (!every_.empty()) {
      schedule.set("interval_second", std::to_string(MR_TRY(parse_age(every_))));
      return Value::object({{"periodic_schedule", std::move(schedule)}});
    }
    if (cron_.starts_with("TZ=") || cron_.starts_with("CRON_TZ="))
      return fail(Code::invalid_argument, "a time zone is named with --time-zone");
    // As robfig/cron has it, the library of upstream's API.
    schedule.set("cron", zone_.empty() ? cron_ : fmt::format("CRON_TZ={} {}", zone_, cron_));
    return Value::object({{"cron_schedule", std::move(schedule)}});
  }

  SubmissionOptions options_;
  std::string cron_, every_, zone_, start_, end_;
  std::size_t concurrency_ = 1;
  bool no_catchup_ = false, disabled_ = false;
};

}  // namespace

std::unique_ptr<Command> make_recurring_create() { return std::make_unique<RecurringCreate>(); }

}  // namespace millrace::app
