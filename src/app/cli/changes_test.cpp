#include "app/cli/changes.h"

#include <gtest/gtest.h>

#include "base/json.h"
#include "base/strings.h"

namespace millrace::app {
namespace {

const Time kNow = *parse_rfc3339("2026-01-02T03:04:10Z");

Value task(const std::string& name, const std::string& state, std::vector<std::string> after = {},
           const std::string& parent = "root") {
  Value one = Value::object({{"task_id", parent + "/" + name}, {"parent_task_id", parent}, {"display_name", name}});
  one.set("state", state);
  Value ids = Value::array();
  for (const std::string& earlier : after) ids.push(parent + "/" + earlier);
  return one.set("depends_on", std::move(ids));
}

Value run_of(std::vector<Value> tasks, const std::string& state = "RUNNING") {
  tasks.insert(tasks.begin(), Value::object({{"task_id", "root"}, {"display_name", "root"}, {"state", state}}));
  return Value::object({{"run_id", "1"},
                        {"display_name", "hello"},
                        {"state", state},
                        {"created_at", "2026-01-02T03:04:00Z"},
                        {"finished_at", "2026-01-02T03:04:05Z"},
                        {"run_details", Value::object({{"task_details", Value(std::move(tasks))}})}});
}

TEST(CliChanges, ATaskIsNeverToldBeforeWhatItDependsOn) {
  Changes changes;
  // Between two looks the first ended and the second, whose row stands before it, began.
  EXPECT_EQ(changes.since(run_of({task("a-last", "PENDING", {"z-first"}), task("z-first", "RUNNING")}), kNow),
            std::vector<std::string>{"z-first: running"});
  EXPECT_EQ(changes.since(run_of({task("a-last", "RUNNING", {"z-first"}), task("z-first", "SUCCEEDED")}), kNow),
            (std::vector<std::string>{"z-first: succeeded", "a-last: running"}));
  EXPECT_TRUE(
      changes.since(run_of({task("a-last", "RUNNING", {"z-first"}), task("z-first", "SUCCEEDED")}), kNow).empty());
  EXPECT_EQ(changes.since(run_of({task("a-last", "SUCCEEDED", {"z-first"}), task("z-first", "SUCCEEDED")}, "SUCCEEDED"),
                          kNow),
            (std::vector<std::string>{"a-last: succeeded", "hello succeeded in 5.00 s"}));
}

TEST(CliChanges, AGroupEndsAfterWhatIsInIt) {
  Changes changes;
  const auto lines = changes.since(
      run_of({task("loop", "SUCCEEDED"), task("b", "SUCCEEDED", {"loop"}), task("in", "FAILED", {}, "root/loop")}),
      kNow);
  EXPECT_EQ(lines, (std::vector<std::string>{"loop/in: failed", "loop: succeeded", "b: succeeded"}));
}

TEST(CliChanges, RetriesAndTheCacheAreTold) {
  Changes changes;
  Value again = task("flaky", "RUNNING");
  again.set("attempt", 2);
  again.set("state_history", *parse_json(R"([{"state":"PENDING"},{"state":"RUNNING"},
      {"state":"FAILED","error":{"message":"exit code 7"}},{"state":"PENDING"},{"state":"RUNNING"}])"));
  Value kept = task("kept", "SUCCEEDED");
  kept.set("cached", true);
  EXPECT_EQ(
      changes.since(run_of({again, kept}), kNow),
      (std::vector<std::string>{"flaky: attempt 1 failed: exit code 7", "flaky: running (attempt 2)", "kept: cached"}));
  EXPECT_TRUE(changes.since(run_of({again, kept}), kNow).empty());
}

TEST(CliChanges, ANoteIsToldWhenItChanges) {
  Changes changes;
  const Value run = run_of({task("slow", "PENDING")});
  EXPECT_EQ(changes.since(run, kNow, {{"root/slow", "Collecting kfp"}}),
            std::vector<std::string>{"slow: Collecting kfp"});
  EXPECT_TRUE(changes.since(run, kNow, {{"root/slow", "Collecting kfp"}}).empty());
}

}  // namespace
}  // namespace millrace::app
