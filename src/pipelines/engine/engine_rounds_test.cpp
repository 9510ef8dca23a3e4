// Components that contain themselves.

#include <algorithm>
#include <set>

#include <fmt/core.h>
#include <gtest/gtest.h>

#include "base/json.h"
#include "pipelines/engine/engine_for_tests.h"

namespace millrace::pipelines::engine {
namespace {

TEST(Engine, RefusesADagThatContainsItself) {
  Builder b;
  Component loop;
  loop.name = "loop";
  loop.dag.emplace();
  Task again;
  again.name = again.display_name = "again";
  again.component = "loop";
  loop.dag->tasks.push_back(again);
  b.spec.components["loop"] = loop;
  b.task("start", {}, "loop");
  State state(b.spec, Value::object());
  EXPECT_TRUE(words(state.advance(created())).starts_with("failure"));
}

// "turn": a leaf counts, and while its number is below `rounds` the component is entered again with it.
struct Turns : Builder {
  explicit Turns(int rounds) {
    Component count = spec.components["leaf"];
    count.parameters["n"] = {ParameterType::number_integer, false, std::nullopt, {}};
    spec.components["count"] = count;
    Component turn;
    turn.name = "turn";
    turn.parameters["n"] = count.parameters["n"];
    turn.dag.emplace();
    Task counts, again;
    counts.name = counts.display_name = "counts";
    counts.component = "count";
    counts.parameters["n"] = {ParameterSource::Kind::component_input, "n", "", "", {}, ""};
    again.name = again.display_name = "again-with-a-name-of-usual-length";
    again.component = "turn";
    again.upstream = {"counts"};
    again.parameters["n"] = {ParameterSource::Kind::task_output, "", "counts", "out", {}, ""};
    again.condition = *expr::Expression::parse(fmt::format("int(inputs.parameter_values['n']) < {}", rounds));
    turn.dag->tasks = {counts, again};
    spec.components["turn"] = turn;
    task("turns", {}, "turn").parameters["n"].constant = 0;
    task("after", {"turns"});
  }
  // Until something else than the next round is commanded, or the round `until` fails.
  static std::vector<Command> run(State& state, std::vector<Command> commands, int until = -1) {
    while (commands.size() == 1 && commands[0].kind == Command::Kind::launch && commands[0].path.ends_with("/counts")) {
      const auto n = state.find(commands[0].path)->parameters["n"].int_or(0);
      Event ended = succeeded("", commands[0].attempt, Value::object({{"out", n + 1}}));
      ended.path = commands[0].path;
      ended.succeeded = n + 1 != until;
      ended.error = ended.succeeded ? "" : "boom";
      commands = state.advance(ended);
    }
    return commands;
  }
};

TEST(Engine, TurnsUntilTheConditionSays) {
  Turns b(600);
  State state(b.spec, Value::object());
  EXPECT_EQ(words(Turns::run(state, state.advance(created()))), "launch after 1");
  EXPECT_EQ(words(state.advance(succeeded("after"))), "success");
  std::size_t longest = 0, counted = 0;
  std::set<std::string> paths;
  for (const auto& node : state.nodes()) {
    longest = std::max(longest, node->path.size());
    paths.insert(node->path);
    if (node->path.ends_with("/counts") && node->state == NodeState::succeeded) ++counted;
    EXPECT_EQ(state.find(node->path), node.get());
  }
  EXPECT_EQ(counted, 600u);
  EXPECT_EQ(paths.size(), state.nodes().size());
  EXPECT_LE(longest, kMaxPath + 1 + 128);  // a name has 128 bytes at most
  // A short path is kept as it is.
  EXPECT_NE(state.find("root/turns/again-with-a-name-of-usual-length/counts"), nullptr);
}

TEST(Engine, GoesOnInADeepRoundWhenRetried) {
  Turns b(500);
  State state(b.spec, Value::object());
  const std::vector<Command> lost = Turns::run(state, state.advance(created()), 400);
  ASSERT_EQ(lost.size(), 1u);
  EXPECT_EQ(lost[0].kind, Command::Kind::finish_run);
  EXPECT_TRUE(lost[0].error.ends_with("counts: boom")) << lost[0].error;
  EXPECT_LT(lost[0].error.size(), 500u);  // not the names of all rounds
  Event retry;
  retry.kind = Event::Kind::retry;
  retry.at = at(3);
  const std::vector<Command> again = state.advance(retry);
  ASSERT_EQ(again.size(), 1u);
  EXPECT_EQ(again[0].attempt, 2);
  EXPECT_EQ(state.find(again[0].path)->parameters["n"].int_or(0), 399);
  EXPECT_EQ(words(Turns::run(state, again)), "launch after 1");
}

TEST(Engine, EndsWhatNeverEnds) {
  Turns b(1'000'000);
  State state(b.spec, Value::object());
  const std::vector<Command> ended = Turns::run(state, state.advance(created()));
  ASSERT_EQ(ended.size(), 1u);
  EXPECT_FALSE(ended[0].succeeded);
  EXPECT_NE(
      ended[0].error.find("pipelines are nested deeper than 2000 levels: a component that contains itself needs a "
                          "condition that ends it before"),
      std::string::npos)
      << ended[0].error;
  EXPECT_EQ(state.find("root/after")->state, NodeState::skipped);
}

// As a dry run walks it: what comes after is reached.
TEST(Engine, EntersAComponentWithinItselfAsOftenAsAsked) {
  Turns b(1'000'000);
  State state(b.spec, Value::object(), 2);
  EXPECT_EQ(words(Turns::run(state, state.advance(created()))), "launch after 1");
  EXPECT_EQ(state.nodes().size(), 1u + 2u + 2u * 2u);
}

}  // namespace
}  // namespace millrace::pipelines::engine
