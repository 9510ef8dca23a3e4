#include "pipelines/engine/engine.h"

#include <algorithm>
#include <set>

#include <fmt/core.h>
#include <gtest/gtest.h>

#include "base/json.h"

namespace millrace::pipelines::engine {
namespace {

// --- pipelines made by hand: every task runs the component "leaf" ---

struct Builder {
  PipelineSpec spec;

  Builder() {
    spec.name = "p";
    spec.root.name = "root";
    spec.root.dag.emplace();
    Component leaf;
    leaf.name = "leaf";
    leaf.executor = "exec-leaf";
    leaf.output_parameters["out"] = ParameterType::number_integer;
    spec.components["leaf"] = leaf;
    spec.executors["exec-leaf"].image = "image";
    add_body();
  }
  // "body": first, then second; takes an item, gives first's output.
  void add_body() {
    Component body;
    body.name = "body";
    body.parameters["item"] = {ParameterType::number_integer, false, std::nullopt, {}};
    body.dag.emplace();
    for (const char* name : {"first", "second"}) {
      Task inner;
      inner.name = inner.display_name = name;
      inner.component = "leaf";
      body.dag->tasks.push_back(inner);
    }
    body.dag->tasks[1].after = body.dag->tasks[1].upstream = {"first"};
    body.dag->parameters["out"] = {{"first", "out"}};
    spec.components["body"] = body;
  }
  Task& task(const std::string& name, std::vector<std::string> upstream = {}, const std::string& component = "leaf") {
    Task task;
    task.name = task.display_name = name;
    task.component = component;
    task.after = task.upstream = std::move(upstream);
    spec.root.dag->tasks.push_back(std::move(task));
    return spec.root.dag->tasks.back();
  }
};

Time at(std::int64_t ms) { return from_epoch_ms(1'700'000'000'000 + ms); }
Event created() { return {Event::Kind::created, at(0), "", 0, false, "", true, {}, {}}; }
Event launched(const std::string& task, int attempt = 1) {
  return {Event::Kind::launched, at(1), "root/" + task, attempt, false, "", true, {}, {}};
}
Event succeeded(const std::string& task, int attempt = 1, Value parameters = Value::object()) {
  return {Event::Kind::finished, at(2), "root/" + task, attempt, true, "", true, std::move(parameters), {}};
}
Event failed(const std::string& task, int attempt = 1, bool retryable = true) {
  return {Event::Kind::finished, at(2), "root/" + task, attempt, false, "boom", retryable, {}, {}};
}

std::string words(const std::vector<Command>& commands) {
  std::string text;
  for (const Command& command : commands) {
    if (!text.empty()) text += ", ";
    switch (command.kind) {
      case Command::Kind::launch:
        text += fmt::format("launch {} {}", command.path.substr(5), command.attempt);
        break;
      case Command::Kind::stop:
        text += fmt::format("stop {} {}", command.path.substr(5), command.attempt);
        break;
      case Command::Kind::timer:
        text += fmt::format("timer {} +{}ms", command.path.substr(5), (command.due - at(2)).count());
        break;
      case Command::Kind::finish_run:
        text += command.succeeded ? "success" : "failure: " + command.error;
        break;
    }
  }
  return text;
}

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
  inner.component = "told";
  inner.parameters["text"] = {ParameterSource::Kind::component_input, "text", "", "", Value(), ""};
  nested.dag->tasks.push_back(inner);
  Component told = b.spec.components["leaf"];
  told.name = "told";
  told.parameters = nested.parameters;
  b.spec.components["told"] = told;
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

TEST(Engine, RetriesWithBackoff) {
  Builder b;
  b.task("a").retry = {3, 1, 2, 3};
  State state(b.spec, Value::object());
  state.advance(created());
  EXPECT_EQ(words(state.advance(failed("a", 1))), "timer a +1000ms");
  const Event timer{Event::Kind::timer, at(5), "root/a", 1, false, "", true, {}, {}};
  EXPECT_EQ(words(state.advance(timer)), "launch a 2");
  EXPECT_EQ(words(state.advance(timer)), "") << "a timer that comes twice";
  EXPECT_EQ(words(state.advance(failed("a", 1))), "") << "another attempt's end";
  EXPECT_EQ(words(state.advance(failed("a", 2))), "timer a +2000ms");
  state.advance(timer);
  EXPECT_EQ(words(state.advance(failed("a", 3))), "timer a +3000ms") << "at the longest";
  state.advance(timer);
  EXPECT_EQ(words(state.advance(failed("a", 4))), "failure: a: boom");
}

TEST(Engine, RetriesManyTimes) {
  for (const double backoff : {0.0, 1.0}) {
    Builder b;
    b.task("a").retry = {2'000, backoff, 2, 60};
    State state(b.spec, Value::object());
    state.advance(created());
    for (int attempt = 1; attempt <= 2'000; ++attempt) {
      const std::string next = words(state.advance(failed("a", attempt)));
      if (attempt > 6) {
        ASSERT_EQ(next, backoff == 0 ? "timer a +0ms" : "timer a +60000ms") << attempt;
      }
      ASSERT_EQ(words(state.advance({Event::Kind::timer, at(5), "root/a", attempt, false, "", true, {}, {}})),
                fmt::format("launch a {}", attempt + 1));
    }
    EXPECT_EQ(words(state.advance(failed("a", 2'001))), "failure: a: boom");
  }
}

TEST(Engine, DoesNotRetryWhatCannotBeMended) {
  Builder b;
  b.task("a").retry.max_retries = 3;
  State state(b.spec, Value::object());
  state.advance(created());
  EXPECT_EQ(words(state.advance(failed("a", 1, false))), "failure: a: boom");
}

TEST(Engine, Terminates) {
  Builder b;
  b.task("a");
  b.task("b", {"a"});
  b.task("c").retry = {1, 60, 2, 60};
  State state(b.spec, Value::object());
  state.advance(created());
  state.advance(launched("a"));
  EXPECT_EQ(words(state.advance(failed("c"))), "timer c +60000ms");
  const Event terminate{Event::Kind::terminate, at(3), "", 0, false, "", true, {}, {}};
  EXPECT_EQ(words(state.advance(terminate)), "stop a 1");
  EXPECT_EQ(words(state.advance(terminate)), "");
  EXPECT_EQ(state.find("root/c")->state, NodeState::canceled);
  EXPECT_TRUE(words(state.advance(failed("a"))).starts_with("failure"));
  EXPECT_EQ(state.find("root/a")->state, NodeState::canceled);
  EXPECT_TRUE(state.finished());
}

Event at_once(Event::Kind kind, const std::string& path = "", int attempt = 0) {
  return {kind, at(5), path, attempt, false, "", true, {}, {}};
}

// The tasks of a run that failed begin again, with all of their tries; what succeeded is not run again.
TEST(Engine, RetriesARunFromWhereItFailed) {
  Builder b;
  b.task("a");
  b.task("b", {"a"}).retry = {1, 0, 1, 1};
  b.task("c", {"b"});
  State state(b.spec, Value::object());
  EXPECT_EQ(words(state.advance(created())), "launch a 1");
  EXPECT_EQ(words(state.advance(at_once(Event::Kind::retry))), "") << "it has not ended";
  state.advance(succeeded("a"));
  state.advance(failed("b", 1));
  EXPECT_EQ(words(state.advance(at_once(Event::Kind::timer, "root/b", 1))), "launch b 2");
  EXPECT_EQ(words(state.advance(failed("b", 2))), "failure: b: boom");
  EXPECT_EQ(state.find("root/c")->state, NodeState::skipped);
  EXPECT_EQ(words(state.advance(at_once(Event::Kind::retry))), "launch b 3");
  EXPECT_FALSE(state.finished());
  EXPECT_EQ(words(state.advance(failed("b", 2))), "") << "an earlier attempt's end";
  EXPECT_EQ(words(state.advance(failed("b", 3))), "timer b +0ms") << "its tries count anew";
  EXPECT_EQ(words(state.advance(at_once(Event::Kind::timer, "root/b", 3))), "launch b 4");
  EXPECT_EQ(words(state.advance(succeeded("b", 4))), "launch c 1");
  EXPECT_EQ(words(state.advance(succeeded("c"))), "success");
  EXPECT_EQ(words(state.advance(at_once(Event::Kind::retry))), "") << "it succeeded";
}

// A group's policy is its own: it begins anew as a whole, and its tasks with all of their tries.
TEST(Engine, RetriesAGroup) {
  Builder b;
  b.task("group", {}, "body").retry = {1, 0, 1, 1};
  b.spec.root.dag->tasks.back().parameters["item"] = {};
  b.spec.root.dag->tasks.back().parameters["item"].constant = 1;
  State state(b.spec, Value::object());
  EXPECT_EQ(words(state.advance(created())), "launch group/first 1");
  EXPECT_EQ(words(state.advance(succeeded("group/first", 1, Value::object({{"out", 1}})))), "launch group/second 1");
  EXPECT_EQ(words(state.advance(failed("group/second"))), "timer group +0ms");
  EXPECT_EQ(words(state.advance(at_once(Event::Kind::timer, "root/group", 1))), "launch group/first 2");
  EXPECT_EQ(words(state.advance(failed("group/first", 2))), "failure: group: first: boom");
}

// An exit task runs although its run is terminated, if its group had begun.
TEST(Engine, RunsExitTasksOfATerminatedRun) {
  Builder b;
  b.task("exit-handler-1", {}, "body").parameters["item"] = {};
  b.spec.root.dag->tasks.back().parameters["item"].constant = 1;
  b.task("tell", {"exit-handler-1"}).runs_after_failure = true;
  b.task("never", {"tell"});
  State state(b.spec, Value::object());
  EXPECT_EQ(words(state.advance(created())), "launch exit-handler-1/first 1");
  EXPECT_EQ(words(state.advance(at_once(Event::Kind::terminate))), "stop exit-handler-1/first 1");
  EXPECT_EQ(words(state.advance(failed("exit-handler-1/first"))), "launch tell 1");
  EXPECT_FALSE(state.finished());
  EXPECT_EQ(words(state.advance(succeeded("tell"))).substr(0, 7), "failure");
  EXPECT_EQ(state.find("root/never")->state, NodeState::canceled);
}

// A task may answer SIGTERM with exit code 0. Its run was terminated all the same.
TEST(Engine, DoesNotCallATerminatedRunASuccess) {
  Builder b;
  b.task("a");
  State state(b.spec, Value::object());
  state.advance(created());
  EXPECT_EQ(words(state.advance(at_once(Event::Kind::terminate))), "stop a 1");
  EXPECT_EQ(words(state.advance(succeeded("a"))).substr(0, 7), "failure");
  EXPECT_EQ(state.find("root/a")->state, NodeState::canceled);
  EXPECT_TRUE(state.find("root/a")->output_parameters.empty());
  EXPECT_EQ(words(state.advance(at_once(Event::Kind::retry))), "launch a 2");
}

// The group was done when the run was terminated: only its exit task is left, and that succeeds.
TEST(Engine, DoesNotCallATerminatedRunASuccessForItsExitTask) {
  Builder b;
  b.task("exit-handler-1", {}, "body").parameters["item"] = {};
  b.spec.root.dag->tasks.back().parameters["item"].constant = 1;
  b.task("tell", {"exit-handler-1"}).runs_after_failure = true;
  State state(b.spec, Value::object());
  state.advance(created());
  state.advance(succeeded("exit-handler-1/first", 1, Value::object({{"out", 1}})));
  EXPECT_EQ(words(state.advance(succeeded("exit-handler-1/second"))), "launch tell 1");
  EXPECT_EQ(words(state.advance(at_once(Event::Kind::terminate))), "");
  EXPECT_EQ(words(state.advance(succeeded("tell"))).substr(0, 7), "failure");
  EXPECT_EQ(state.find("root/tell")->state, NodeState::succeeded);
  EXPECT_EQ(state.root().state, NodeState::canceled);
}

TEST(Engine, LaunchesAnewWhatAnotherBootMayHaveStarted) {
  Builder b;
  b.task("a");
  b.task("b").retry = {1, 0, 1, 1};
  State state(b.spec, Value::object());
  Event first = created();
  first.boot = "one";
  EXPECT_EQ(words(state.advance(first)), "launch a 1, launch b 1");
  EXPECT_EQ(state.boot(), "one");
  state.advance(launched("a"));
  Event rebooted = at_once(Event::Kind::rebooted);
  rebooted.boot = "two";
  EXPECT_EQ(words(state.advance(rebooted)), "launch b 2");
  EXPECT_EQ(state.boot(), "two");
  EXPECT_EQ(words(state.advance(failed("b", 1))), "");
  EXPECT_EQ(words(state.advance(failed("b", 2))), "timer b +0ms") << "the attempt that was lost does not count";
  EXPECT_EQ(state.find("root/a")->attempt, 1);
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

TEST(Engine, TellsAnExitTaskHowItEnded) {
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
  // A short way is told as it is.
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

std::string text_of(const Event& event) {
  std::string text;
  append_event(text, event);
  return text;
}

TEST(Events, SurviveTheirRow) {
  Event exited = failed("a", 1, true);
  exited.exit_code = 3;
  const Event events[] = {created(),
                          launched("a", 2),
                          succeeded("a", 1, Value::object({{"out", 1}})),
                          failed("a", 3, false),
                          exited,
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
