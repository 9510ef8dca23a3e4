// Failures, retries, termination, and the machine's own end.

#include <algorithm>
#include <set>

#include <fmt/core.h>
#include <gtest/gtest.h>

#include "base/json.h"
#include "pipelines/engine/engine_for_tests.h"

namespace millrace::pipelines::engine {
namespace {

Event at_once(Event::Kind kind, const std::string& path = "", int attempt = 0) {
  return {kind, at(5), path, attempt, false, "", true, {}, {}};
}

// The tasks of a run that failed begin again, with all of their tries; what succeeded is not run again.
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

TEST(Engine, DoesNotRetryWhatARetryCannotFix) {
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

TEST(Engine, ReplacesAnAttemptThatDoesNotCount) {
  Builder b;
  b.task("a");
  State state(b.spec, Value::object());
  state.advance(created());
  state.advance(launched("a"));
  Event left = failed("a", 1);
  left.counts = false;
  EXPECT_EQ(words(state.advance(left)), "launch a 2");
  EXPECT_EQ(state.find("root/a")->state, NodeState::launching);
  EXPECT_EQ(words(state.advance(left)), "") << "the first one has ended before";
  state.advance(failed("a", 2));
  EXPECT_EQ(state.root().state, NodeState::failed);
}

TEST(Engine, ReplacesNothingInARunThatIsTerminated) {
  Builder b;
  b.task("a");
  State state(b.spec, Value::object());
  state.advance(created());
  state.advance(launched("a"));
  state.advance(at_once(Event::Kind::terminate));
  Event left = failed("a", 1);
  left.counts = false;
  state.advance(left);
  EXPECT_EQ(state.find("root/a")->state, NodeState::canceled);
  EXPECT_TRUE(state.finished());
}

}  // namespace
}  // namespace millrace::pipelines::engine
