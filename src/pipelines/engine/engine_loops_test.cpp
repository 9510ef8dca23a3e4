// Loops: items, limits, and what the iterations leave.

#include <algorithm>
#include <set>

#include <fmt/core.h>
#include <gtest/gtest.h>

#include "base/json.h"
#include "pipelines/engine/engine_for_tests.h"

namespace millrace::pipelines::engine {
namespace {

TEST(Engine, LoopsOverItemsWithinItsLimit) {
  Builder b;
  Component collects = b.spec.components["leaf"];
  collects.parameters["all"] = {ParameterType::list, false, std::nullopt, {}};
  b.spec.components["collects"] = collects;
  Task& loop = b.task("loop", {}, "body");
  loop.iterator.emplace();
  loop.iterator->items = Value::array({7, 8, 9});
  loop.iterator->item = "item";
  loop.iterator->limit = 2;
  Task& after = b.task("after", {"loop"}, "collects");
  after.parameters["all"] = {ParameterSource::Kind::task_output, "", "loop", "out", {}, ""};
  State state(b.spec, Value::object());
  EXPECT_EQ(words(state.advance(created())), "launch loop/0/first 1, launch loop/1/first 1");
  EXPECT_EQ(state.find("root/loop/1")->parameters["item"].int_or(0), 8);
  EXPECT_EQ(words(state.advance(succeeded("loop/1/first", 1, Value::object({{"out", 80}})))), "launch loop/1/second 1");
  EXPECT_EQ(words(state.advance(succeeded("loop/1/second"))), "launch loop/2/first 1") << "the next item";
  EXPECT_EQ(words(state.advance(succeeded("loop/0/first", 1, Value::object({{"out", 70}})))), "launch loop/0/second 1");
  EXPECT_EQ(words(state.advance(succeeded("loop/2/first", 1, Value::object({{"out", 90}})))), "launch loop/2/second 1");
  EXPECT_EQ(words(state.advance(succeeded("loop/2/second"))), "");
  EXPECT_EQ(words(state.advance(succeeded("loop/0/second"))), "launch after 1");
  EXPECT_EQ(state.find("root/after")->parameters["all"], Value::array({70, 80, 90})) << "in the items' order";
}

TEST(Engine, AnEmptyLoopSucceeds) {
  Builder b;
  Task& loop = b.task("loop", {}, "body");
  loop.iterator.emplace();
  loop.iterator->items = Value::array();
  loop.iterator->item = "item";
  State state(b.spec, Value::object());
  EXPECT_EQ(words(state.advance(created())), "success");
  EXPECT_EQ(state.find("root/loop")->output_parameters["out"], Value::array());
}

TEST(Engine, ALoopThatFailsStartsNoMore) {
  Builder b;
  Task& loop = b.task("loop", {}, "body");
  loop.iterator.emplace();
  loop.iterator->items = Value::array({1, 2, 3, 4});
  loop.iterator->item = "item";
  loop.iterator->limit = 2;
  State state(b.spec, Value::object());
  state.advance(created());
  EXPECT_EQ(words(state.advance(failed("loop/0/first"))), "");
  EXPECT_EQ(words(state.advance(failed("loop/1/first"))), "failure: loop: iteration 0: first: boom");
  EXPECT_EQ(state.find("root/loop/2"), nullptr);
}

TEST(Engine, LoopsOverWhatATaskLeft) {
  for (const auto& [left, fails] :
       {std::pair(Value::array({1, 2}), false), std::pair(Value("[1, 2]"), false), std::pair(Value("no list"), true)}) {
    Builder b;
    b.spec.components["body"].parameters["items"] = {ParameterType::list, true, std::nullopt, {}};
    if (left.is_string()) b.spec.components["body"].parameters["items"].type = ParameterType::string;
    b.task("a");
    Task& loop = b.task("loop", {"a"}, "body");
    loop.parameters["items"] = {ParameterSource::Kind::task_output, "", "a", "out", {}, ""};
    loop.iterator.emplace();
    loop.iterator->input = "items";
    loop.iterator->item = "item";
    State state(b.spec, Value::object());
    state.advance(created());
    const std::string then = words(state.advance(succeeded("a", 1, Value::object({{"out", left}}))));
    if (fails) {
      EXPECT_EQ(then, "failure: loop: the loop's items are a string, not a list");
    } else {
      EXPECT_EQ(then, "launch loop/0/first 1, launch loop/1/first 1");
    }
  }
}

TEST(Engine, LoopsOverArtifactsAndGathersThem) {
  Builder b;
  const auto file = [](const char* uri) { return Value::object({{"uri", uri}}); };
  Component body;
  body.name = "per-file";
  body.artifacts["item"] = {"system.Dataset", "0.0.1", false, false};
  body.artifacts["all"] = {"system.Dataset", "0.0.1", false, true};
  body.dag.emplace();
  Task inner;
  inner.name = inner.display_name = "inner";
  inner.component = "copies";
  inner.artifacts["in"] = {ArtifactSource::Kind::component_input, "item", "", ""};
  body.dag->tasks.push_back(inner);
  body.dag->artifacts["copy"] = {{"inner", "copy"}};
  b.spec.components["per-file"] = body;
  b.spec.components["copies"] = b.spec.components["leaf"];
  b.spec.components["copies"].artifacts["in"] = {"system.Dataset", "0.0.1", false, false};
  b.task("makes");
  Task& loop = b.task("loop", {"makes"}, "per-file");
  loop.artifacts["all"] = {ArtifactSource::Kind::task_output, "", "makes", "files"};
  loop.iterator.emplace();
  loop.iterator->input = "all";
  loop.iterator->artifacts = true;
  loop.iterator->item = "item";
  State state(b.spec, Value::object());
  state.advance(created());
  Event made = succeeded("makes");
  made.output_artifacts =
      Value::object({{"files", Value::object({{"artifacts", Value::array({file("a"), file("b")})}})}});
  EXPECT_EQ(words(state.advance(made)), "launch loop/0/inner 1, launch loop/1/inner 1");
  EXPECT_EQ(state.find("root/loop/1/inner")->artifacts["in"]["artifacts"].items().at(0)["uri"].string_or(), "b");
  for (const char* which : {"1", "0"}) {
    Event done = succeeded(std::string("loop/") + which + "/inner");
    done.output_artifacts = Value::object({{"copy", Value::object({{"artifacts", Value::array({file(which)})}})}});
    state.advance(done);
  }
  const Value& gathered = state.find("root/loop")->output_artifacts["copy"]["artifacts"];
  ASSERT_EQ(gathered.size(), 2u);
  EXPECT_EQ(gathered.items()[0]["uri"].string_or(), "0") << "in the items' order";
}

TEST(Engine, TakesAMemberOfAnItem) {
  Builder b;
  b.spec.components["leaf"].parameters["name"] = {ParameterType::string, true, std::nullopt, {}};
  Component& body = b.spec.components["body"];
  body.parameters["item"].type = ParameterType::structure;
  body.dag->tasks[0].parameters["name"] = {ParameterSource::Kind::component_input, "item", "", "", {}, "who"};
  Task& loop = b.task("loop", {}, "body");
  loop.iterator.emplace();
  loop.iterator->items = Value::array({Value::object({{"who", "ann"}}), Value::object({{"what", "?"}})});
  loop.iterator->item = "item";
  State state(b.spec, Value::object());
  EXPECT_EQ(words(state.advance(created())), "launch loop/0/first 1");
  EXPECT_EQ(state.find("root/loop/0/first")->parameters["name"].string_or(), "ann");
  EXPECT_EQ(state.find("root/loop/1/first")->state, NodeState::failed);
}

}  // namespace
}  // namespace millrace::pipelines::engine
