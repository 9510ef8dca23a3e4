// Events as they stand in their row.

#include <algorithm>
#include <set>

#include <fmt/core.h>
#include <gtest/gtest.h>

#include "base/json.h"
#include "pipelines/engine/engine_for_tests.h"

namespace millrace::pipelines::engine {
namespace {

std::string text_of(const Event& event) {
  std::string text;
  append_event(text, event);
  return text;
}

TEST(Events, SurviveTheirRow) {
  Event exited = failed("a", 1, true);
  exited.exit_code = 3;
  Event replaced = failed("a", 1);
  replaced.counts = false;
  EXPECT_FALSE(event_from_value(*parse_json(text_of(replaced))).counts);
  EXPECT_TRUE(event_from_value(*parse_json(text_of(exited))).counts);
  const Event events[] = {created(),
                          launched("a", 2),
                          succeeded("a", 1, Value::object({{"out", 1}})),
                          failed("a", 3, false),
                          exited,
                          replaced,
                          {Event::Kind::timer, at(9), "root/a", 1, false, "", true, {}, {}},
                          {Event::Kind::terminate, at(9), "", 0, false, "", true, {}, {}}};
  EXPECT_EQ(text_of(launched("a", 2)), R"({"kind":"launched","at":1700000000001,"path":"root/a","attempt":2})");
  EXPECT_NE(text_of(exited).find(R"("exit_code":3)"), std::string::npos);
  for (const Event& event : events) {
    EXPECT_EQ(text_of(event_from_value(*parse_json(text_of(event)))), text_of(event));
  }
}

TEST(Events, NameTheRulesOfTheirRun) {
  Event created;
  created.rules = 7;
  std::string text;
  append_event(text, created);
  EXPECT_EQ(event_from_value(*parse_json(text)).rules, 7);
  EXPECT_EQ(event_from_value(Value::object({{"kind", "created"}})).rules, kOldestRules);
  EXPECT_TRUE(check_rules(kRules));
  EXPECT_TRUE(check_rules(kOldestRules));
  EXPECT_EQ(check_rules(kRules + 1).error().code, Code::failed_precondition);
  EXPECT_EQ(check_rules(0).error().code, Code::failed_precondition);
}

}  // namespace
}  // namespace millrace::pipelines::engine
