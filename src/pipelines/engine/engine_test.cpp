// What runs, in which order, and with which inputs.

#include <algorithm>
#include <set>

#include <fmt/core.h>
#include <gtest/gtest.h>

#include "base/json.h"
#include "pipelines/engine/engine_for_tests.h"

namespace millrace::pipelines::engine {
namespace {

TEST(Engine, RunsTasksInTheirOrder) {
  Builder b;
  b.task("a");
  b.task("b", {"a"});
  b.task("c", {"a"});
  b.task("d", {"b", "c"});
  State state(b.spec, Value::object());
  EXPECT_EQ(words(state.advance(created())), "launch a 1");
  EXPECT_EQ(words(state.advance(launched("a"))), "");
  EXPECT_EQ(words(state.advance(succeeded("a"))), "launch b 1, launch c 1");
  EXPECT_EQ(words(state.advance(succeeded("c"))), "");
  EXPECT_EQ(words(state.advance(succeeded("b"))), "launch d 1");
  EXPECT_EQ(words(state.advance(succeeded("d"))), "success");
  EXPECT_TRUE(state.finished());
  EXPECT_TRUE(state.outstanding().empty());
}

// f"{x}-y" handed to a nested pipeline: what it refers to is an input of the task that it stands in.
TEST(Engine, SettlesAConstantWhereItStands) {
  Builder b;
  Component nested;
  nested.name = "nested";
  nested.parameters["text"] = {ParameterType::string, false, std::nullopt, {}};
  nested.dag.emplace();
  Task inner;
  inner.name = inner.display_name = "leaf";
  inner.component = "leaf-with-text";
  inner.parameters["text"] = {ParameterSource::Kind::component_input, "text", "", "", Value(), ""};
  nested.dag->tasks.push_back(inner);
  Component with_text = b.spec.components["leaf"];
  with_text.name = "leaf-with-text";
  with_text.parameters = nested.parameters;
  b.spec.components["leaf-with-text"] = with_text;
  b.spec.components["nested"] = nested;
  Task& outer = b.task("outer", {}, "nested");
  outer.parameters["pipelinechannel--x"] = {ParameterSource::Kind::component_input, "x", "", "", Value(), ""};
  outer.parameters["text"] = {
      ParameterSource::Kind::constant, "", "", "", Value("{{$.inputs.parameters['pipelinechannel--x']}}-y"), ""};
  State state(b.spec, Value::object({{"x", "Ann"}}));
  EXPECT_EQ(words(state.advance(created())), "launch outer/leaf 1");
  EXPECT_EQ(state.find("root/outer/leaf")->parameters["text"].string_or(), "Ann-y");
}

TEST(Engine, SkipsWhatFollowsAFailureButRunsExitHandlers) {
  Builder b;
  b.task("a");
  b.task("b", {"a"});
  b.task("c", {"b"});
  b.task("clean-up", {"c"}).runs_after_failure = true;
  b.task("other");
  State state(b.spec, Value::object());
  EXPECT_EQ(words(state.advance(created())), "launch a 1, launch other 1");
  EXPECT_EQ(words(state.advance(failed("a"))), "launch clean-up 1");
  EXPECT_EQ(state.find("root/b")->state, NodeState::skipped);
  EXPECT_EQ(state.find("root/c")->state, NodeState::skipped);
  EXPECT_EQ(words(state.advance(succeeded("other"))), "");
  EXPECT_EQ(words(state.advance(succeeded("clean-up"))), "failure: a: boom");
}

TEST(Engine, PassesParametersOn) {
  Builder b;
  Component consumer = b.spec.components["leaf"];
  consumer.parameters["text"] = {ParameterType::string, false, std::nullopt, {}};
  consumer.parameters["number"] = {ParameterType::number_integer, true, Value(7), {}};
  b.spec.components["consumer"] = consumer;
  b.spec.root.parameters["who"] = {ParameterType::string, false, std::nullopt, {}};
  b.task("a");
  Task& task = b.task("b", {"a"}, "consumer");
  task.parameters["text"].kind = ParameterSource::Kind::task_output;
  task.parameters["text"].producer = "a";
  task.parameters["text"].output_key = "out";
  State state(b.spec, Value::object({{"who", "me"}}));
  state.advance(created());
  EXPECT_EQ(words(state.advance(succeeded("a", 1, Value::object({{"out", 5}})))), "launch b 1");
  EXPECT_EQ(state.find("root/b")->parameters["text"].string_or(), "5") << "a number where text is wanted is its JSON";
  EXPECT_EQ(state.find("root/b")->parameters["number"].int_or(0), 7);

  State without(b.spec, Value::object({{"who", "me"}}));
  without.advance(created());
  EXPECT_EQ(words(without.advance(succeeded("a"))),
            "failure: b: the input parameter text has no value: the task it comes from left none");
}

TEST(Engine, NestsDags) {
  Builder b;
  Component inner;
  inner.name = "inner";
  inner.dag.emplace();
  inner.output_parameters["result"] = ParameterType::number_integer;
  Task leaf;
  leaf.name = leaf.display_name = "leaf";
  leaf.component = "leaf";
  inner.dag->tasks.push_back(leaf);
  inner.dag->parameters["result"] = {{"leaf", "out"}};
  b.spec.components["inner"] = inner;
  b.task("sub", {}, "inner");
  b.task("after", {"sub"});
  State state(b.spec, Value::object());
  EXPECT_EQ(words(state.advance(created())), "launch sub/leaf 1");
  EXPECT_EQ(words(state.advance(succeeded("sub/leaf", 1, Value::object({{"out", 3}})))), "launch after 1");
  EXPECT_EQ(state.find("root/sub")->output_parameters["result"].int_or(0), 3);
  EXPECT_EQ(words(state.advance(succeeded("after"))), "success");
}

TEST(Engine, SkipsByItsConditionAndTakesTheBranchThatRan) {
  Builder b;
  Component consumer = b.spec.components["leaf"];
  consumer.parameters["n"] = {ParameterType::number_integer, false, std::nullopt, {}};
  b.spec.components["consumer"] = consumer;
  Component branches;
  branches.name = "branches";
  branches.parameters["x"] = {ParameterType::string, false, std::nullopt, {}};
  branches.dag.emplace();
  for (const char* side : {"heads", "tails"}) {
    Task branch;
    branch.name = branch.display_name = side;
    branch.component = "leaf-with-x";
    branch.parameters["x"] = {ParameterSource::Kind::component_input, "x", "", "", {}, ""};
    branch.condition = *expr::Expression::parse(fmt::format("inputs.parameter_values['x'] == '{}'", side));
    branches.dag->tasks.push_back(branch);
  }
  branches.dag->parameters["result"] = {{"heads", "out"}, {"tails", "out"}};
  b.spec.components["branches"] = branches;
  b.spec.components["leaf-with-x"] = b.spec.components["leaf"];
  b.spec.components["leaf-with-x"].parameters["x"] = {ParameterType::string, false, std::nullopt, {}};
  Task& task = b.task("branches", {}, "branches");
  task.parameters["x"].constant = "tails";
  b.task("after", {"branches"}, "consumer").parameters["n"] = {
      ParameterSource::Kind::task_output, "", "branches", "result", {}, ""};
  State state(b.spec, Value::object());
  EXPECT_EQ(words(state.advance(created())), "launch branches/tails 1");
  EXPECT_EQ(state.find("root/branches/heads")->state, NodeState::skipped);
  EXPECT_EQ(words(state.advance(succeeded("branches/tails", 1, Value::object({{"out", 4}})))), "launch after 1");
  EXPECT_EQ(state.find("root/after")->parameters["n"].int_or(0), 4);
  EXPECT_EQ(words(state.advance(succeeded("after"))), "success");
}

TEST(Engine, AConditionThatCannotBeEvaluatedFailsItsTask) {
  Builder b;
  b.task("a").condition = *expr::Expression::parse("inputs.parameter_values['none'] == 1");
  State state(b.spec, Value::object());
  EXPECT_TRUE(words(state.advance(created())).starts_with("failure: a: its condition: "));
}

TEST(Engine, GivesAnExitTaskTheEndOfItsGroup) {
  for (const bool good : {true, false}) {
    Builder b;
    b.spec.components["exit"] = b.spec.components["leaf"];
    b.spec.components["exit"].parameters["status"] = {ParameterType::structure, true, std::nullopt, {}};
    b.task("work");
    Task& after = b.task("after", {"work"}, "exit");
    after.runs_after_failure = true;
    after.parameters["status"].kind = ParameterSource::Kind::final_status;
    after.parameters["status"].producer = "work";
    State state(b.spec, Value::object());
    state.advance(created());
    state.advance(good ? succeeded("work") : failed("work"));
    const Value& status = state.find("root/after")->parameters["status"];
    EXPECT_EQ(status["state"].string_or(), good ? "COMPLETE" : "FAILED");
    EXPECT_EQ(status["pipelineTaskName"].string_or(), "work");
    EXPECT_EQ(status["error"]["message"].string_or(), good ? "" : "boom");
  }
}

TEST(Engine, SkipsALongChainWithoutAStack) {
  Builder b;
  b.task("t0");
  for (int i = 1; i < 20'000; ++i) b.task(fmt::format("t{}", i), {fmt::format("t{}", i - 1)});
  State state(b.spec, Value::object());
  state.advance(created());
  EXPECT_EQ(words(state.advance(failed("t0"))), "failure: t0: boom");
}

TEST(Engine, ChecksARunsParameters) {
  PipelineSpec spec;
  spec.name = "p";
  spec.root.parameters["region"] = {ParameterType::string, false, std::nullopt, {}};
  spec.root.parameters["count"] = {ParameterType::number_integer, true, Value(2), {}};
  spec.root.parameters["mode"] = {ParameterType::string, true, std::nullopt, {Value("a"), Value("b")}};
  const auto bound = bind_parameters(spec, Value::object({{"region", "r"}}));
  ASSERT_TRUE(bound);
  EXPECT_EQ(*bound, Value::object({{"region", "r"}, {"count", 2}}));
  const std::pair<Value, const char*> wrong[] = {
      {Value::object(), "\"region\" of the pipeline p is missing"},
      {Value::object({{"region", 5}}), "\"region\" is an integer, but STRING is expected"},
      {Value::object({{"region", "r"}, {"count", 1.5}}), "\"count\""},
      {Value::object({{"region", "r"}, {"colour", "red"}}), "no parameter \"colour\""},
      {Value::object({{"region", "r"}, {"mode", "c"}}), "\"mode\" is not one of"},
  };
  for (const auto& [given, says] : wrong) {
    const auto refused = bind_parameters(spec, given);
    ASSERT_FALSE(refused) << says;
    EXPECT_NE(refused.error().message.find(says), std::string::npos) << refused.error().message;
  }
}

}  // namespace
}  // namespace millrace::pipelines::engine
