// millrace prune

#include <chrono>
#include <cstdio>
#include <future>
#include <map>

#include <fmt/core.h>

#include "app/cli/command.h"
#include "app/cli/identity_client.h"
#include "app/cli/text.h"
#include "app/prune/retention.h"
#include "base/json.h"

namespace millrace::app {
namespace {

constexpr std::chrono::seconds kSayEvery{2};  // that it goes on
constexpr std::size_t kShown = 20;            // of what was removed

struct Total {
  Value removed = Value::array(), failed = Value::array();
  std::uint64_t bytes = 0;
};

std::string plural(std::size_t count, std::string_view noun) {
  return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

// One call; what takes longer than kSayEvery says how far it is.
Result<Value> call(IdentityClient& client, const Value& request, const Total& total, std::int64_t left) {
  auto answer = std::async(std::launch::async, [&] { return client.call("POST", "prune", request); });
  while (answer.wait_for(kSayEvery) != std::future_status::ready) {
    fmt::print(stderr, "{} removed, {}{}\n", plural(total.removed.size(), "run"), bytes_text(total.bytes),
               left > 0 ? fmt::format("; {} to go", left) : "; measuring");
  }
  return answer.get();
}

// The server removes a bounded number of runs a call.
Result<Total> prune(IdentityClient& client, const Value& request) {
  Total total;
  std::int64_t left = 0;
  auto said = std::chrono::steady_clock::now();
  while (true) {
    const Value answer = MR_TRY(call(client, request, total, left));
    for (const Value& one : answer["removed"].items()) total.removed.push(one);
    for (const Value& one : answer["failed"].items()) total.failed.push(one);
    total.bytes += static_cast<std::uint64_t>(answer["bytes"].int_or(0));
    left = answer["left"].int_or(0);
    if (left == 0) return total;
    if (const auto now = std::chrono::steady_clock::now(); now - said >= kSayEvery) {
      said = now;
      fmt::print(stderr, "{} removed, {}; {} to go\n", plural(total.removed.size(), "run"), bytes_text(total.bytes),
                 left);
    }
  }
}

void print(const Total& total, bool dry) {
  std::map<std::string, std::size_t> counts;
  std::vector<std::vector<std::string>> rows;
  for (const Value& one : total.removed.items()) {
    const std::string kind = one["kind"].string_or();
    ++counts[kind];
    if (rows.size() < kShown)
      rows.push_back({kind, bytes_text(static_cast<std::uint64_t>(one["bytes"].int_or(0))),
                      one["id"].string_or().substr(0, 8), one_line(one["name"].string_or())});
  }
  for (const std::string& line : align(rows)) fmt::print("{}\n", line);
  if (total.removed.size() > kShown) fmt::print("… and {} more\n", total.removed.size() - kShown);
  for (const Value& one : total.failed.items()) fmt::print("not removed: {}\n", one_line(one.string_or()));
  if (counts.empty()) {
    fmt::print("There is nothing to remove.\n");
    return;
  }
  std::string what;
  for (const auto& [kind, count] : counts) what += fmt::format("{}{} × {}", what.empty() ? "" : ", ", count, kind);
  fmt::print("{} {} ({})\n", bytes_text(total.bytes), dry ? "would be freed" : "freed", what);
}

class Prune final : public Command {
 public:
  void declare(Syntax& syntax) override {
    syntax.text("--older-than", older_than_, "Finished runs that ended longer ago: 30d, 12h, 45m (s, m, h, d or w)");
    syntax.count("--keep", keep_, "Of the finished runs all but the latest so many");
    syntax.bytes("--max-bytes", max_bytes_,
                 "Of the finished runs the oldest, until the others' files have at most this size: 20GiB, 500MiB");
    syntax.flag("-n,--dry-run", dry_run_, "Say what would be removed, and remove nothing");
    syntax.text("--data-dir", data_dir_, kDataDirHelp);
    declare_json(syntax);
    syntax.examples(
        "  millrace prune --older-than 30d --dry-run\n  millrace prune --keep 100 --max-bytes 20GiB\n"
        "  millrace prune\n",
        "A run goes with its rows, logs and files, and with those of its artifacts that no other run refers to. "
        "Without\n"
        "any of the three, no run goes. What belongs to no run, endpoint or artifact any more goes in any case, and\n"
        "Python environments that were not used for 30 days, while no run is under way.\n");
  }

  Result<int> run() override {
    Retention retention;
    if (!older_than_.empty()) retention.older_than_seconds = MR_TRY(parse_age(older_than_));
    retention.keep = keep_;
    retention.max_bytes = max_bytes_;
    Value request = to_value(retention);
    request.set("orphans", true);
    request.set("dry_run", dry_run_);
    const auto client = MR_TRY(IdentityClient::open(data_dir_, text_for(json_), IdentityClient::Api::operator_));
    const Total total = MR_TRY(prune(*client, request));
    if (json_) {
      fmt::print(
          "{}\n",
          to_json_pretty(Value::object(
              {{"dry_run", dry_run_}, {"bytes", total.bytes}, {"removed", total.removed}, {"failed", total.failed}})));
    } else {
      print(total, dry_run_);
    }
    return total.failed.empty() ? kSucceeded : kFailed;
  }

 private:
  std::string data_dir_, older_than_;
  std::optional<std::size_t> keep_;
  std::optional<std::uint64_t> max_bytes_;
  bool dry_run_ = false;
};

}  // namespace

std::unique_ptr<Command> make_prune() { return std::make_unique<Prune>(); }

}  // namespace millrace::app
