#include "pipelines/runner/runner.h"

#include <sys/stat.h>

#include <signal.h>

#include <random>
#include <set>

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/ids.h"
#include "base/strings.h"
#include "pipelines/world_for_tests.h"

namespace millrace::pipelines::runner {
namespace {

using testing::HasSubstr;

std::string out(const TaskView& task) { return task.outputs["parameters"]["out"].string_or(); }
std::size_t lines(const std::string& text) {
  return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
}

TEST(Runner, PassesParametersFromTaskToTask) {
  World world;
  const std::string id = world.start(
      make_pipeline({{"a", "printf '%s-a' {{$.inputs.parameters['in']}} > {{$.outputs.parameters['out'].output_file}}"},
                     {"b", "echo to the log; printf '%s-b' {{$.inputs.parameters['in']}} > outputs/out", {}, 0, "a"},
                     {"c", "exit 0", {"b"}}}),
      Value::object({{"word", "hi"}}));
  const RunView run = world.end_of(id);
  EXPECT_EQ(run.state, "SUCCEEDED") << run.error;
  EXPECT_EQ(out(world.task(id, "a")), "hi-a");
  EXPECT_EQ(out(world.task(id, "b")), "hi-a-b");
  const TaskView b = world.task(id, "b"), c = world.task(id, "c");
  EXPECT_EQ(b.depends_on, std::vector<std::string>{"root/a"});
  ASSERT_TRUE(b.ended && c.started);
  EXPECT_LE(*b.ended, *c.started);
  const auto log = world.pipelines().task_log(id, "root/b", 0, 0);
  ASSERT_TRUE(log);
  EXPECT_EQ(log->text, "to the log\n");
  EXPECT_TRUE(log->complete);
  EXPECT_EQ(world.pipelines().task_log(id, "root/b", 3, 0)->text, "the log\n");
  EXPECT_EQ(world.pipelines().task_log(id, "root/none", 0, 0).error().code, Code::not_found);
}

TEST(Runner, FailsWithTheTasksOwnWords) {
  World world;
  const std::string id = world.start(make_pipeline({{"a", "echo 'no luck' >&2; exit 3"},
                                                    {"b", "true", {"a"}},
                                                    {"clean-up", "true", {"b"}, 0, "", true},
                                                    {"else", "true"}}));
  const RunView run = world.end_of(id);
  EXPECT_EQ(run.state, "FAILED");
  EXPECT_EQ(run.error, "a: the process ended with exit code 3: no luck");
  EXPECT_EQ(world.task(id, "a").state, "FAILED");
  EXPECT_EQ(world.task(id, "a").exit_code, std::optional(3));
  EXPECT_EQ(world.task(id, "b").state, "SKIPPED");
  EXPECT_FALSE(world.task(id, "b").exit_code);
  EXPECT_EQ(world.task(id, "clean-up").state, "SUCCEEDED");
  EXPECT_EQ(world.task(id, "else").state, "SUCCEEDED");
}

TEST(Runner, SaysWhatCannotBeStarted) {
  World world;
  Step step{"a", "x", {}, 3};
  const std::string program = (world.path() / "goes-away").native();
  ASSERT_TRUE(write_file(program, "#!/bin/sh\nexit 0\n"));
  ASSERT_EQ(::chmod(program.c_str(), 0700), 0);
  step.command = {program};
  Step before{"before", "rm " + program};
  step.after = {"before"};
  const std::string id = world.start(make_pipeline({before, step}));
  const RunView run = world.end_of(id);
  EXPECT_EQ(run.state, "FAILED");
  EXPECT_THAT(run.error, HasSubstr("goes-away"));
  EXPECT_EQ(world.task(id, "a").attempt, 1) << "another try cannot help";
}

TEST(Runner, TriesAgain) {
  World world;
  const auto tries = world.path() / "tries";
  const std::string id = world.start(
      make_pipeline({{"a", fmt::format("echo x >> {0}; test $(wc -l < {0}) -ge 3", tries.string()), {}, 5}}));
  EXPECT_EQ(world.end_of(id).state, "SUCCEEDED");
  EXPECT_EQ(world.file("tries"), "x\nx\nx\n");
  EXPECT_EQ(world.task(id, "a").attempt, 3);
}

TEST(Runner, Terminates) {
  World world(1);
  const std::string id =
      world.start(make_pipeline({{"a", "exec sleep 60"}, {"b", "sleep 60", {}, 3}, {"c", "", {"a"}}}));
  ASSERT_TRUE(world.eventually([&] { return world.run(id).state == "RUNNING"; }));
  EXPECT_EQ(world.post("/apis/v2beta1/runs/" + id + ":terminate").status, 200);
  const RunView run = world.end_of(id);
  EXPECT_EQ(run.state, "FAILED");
  EXPECT_EQ(run.error, "the run was terminated");
  EXPECT_EQ(world.task(id, "a").state, "CANCELED");
  EXPECT_EQ(world.task(id, "b").state, "CANCELED");
  EXPECT_EQ(world.post("/apis/v2beta1/runs/" + id + ":terminate").status, 400) << "it has ended";
  // Its slot is free again.
  EXPECT_EQ(world.end_of(world.start(make_pipeline({{"a", "true"}}))).state, "SUCCEEDED");
  EXPECT_EQ(world.send("DELETE", "/apis/v2beta1/runs/" + id).status, 200);
}

TEST(Runner, RunsNoMoreTasksAtOnceThanAllowed) {
  World world(2);
  const auto now = world.path() / "now";
  ASSERT_TRUE(make_directories(now));
  std::vector<Step> steps;
  for (int i = 0; i < 4; ++i) {
    steps.push_back({fmt::format("t{}", i), fmt::format("touch {0}/$$; ls {0} | wc -l >> {1}; sleep 0.03; rm {0}/$$",
                                                        now.string(), (world.path() / "seen").string())});
  }
  const std::string first = world.start(make_pipeline(steps)), second = world.start(make_pipeline(steps));
  EXPECT_EQ(world.end_of(first).state, "SUCCEEDED");
  EXPECT_EQ(world.end_of(second).state, "SUCCEEDED");
  const std::string seen = world.file("seen");
  EXPECT_EQ(lines(seen), 8u);
  for (const std::string_view line : split(trim(seen), '\n')) EXPECT_LE(*parse_int(trim(line)), 2);
}

TEST(Runner, TellsOfEachChange) {
  std::mutex mutex;
  std::set<std::string> reported;
  World world;  // ends first: its threads may report a change until then
  world.pipelines().on_change([&](const std::string& id) {
    const std::lock_guard lock(mutex);
    reported.insert(id);
  });
  const std::string id = world.start(make_pipeline({{"a", "true"}}));
  world.end_of(id);
  const std::lock_guard lock(mutex);
  EXPECT_EQ(reported, std::set<std::string>{id});
}

TEST(Runner, RecoversARunWhoseTaskGoesOn) {
  World world;
  const std::string wait = fmt::format(
      "echo x >> {0}/count; while [ ! -e {0}/go ]; do sleep 0.01; done; echo done > "
      "outputs/out",
      world.path().string());
  const std::string id =
      world.start(make_pipeline({{"a", wait}, {"b", "echo {{$.inputs.parameters['in']}}", {}, 0, "a"}}));
  ASSERT_TRUE(world.eventually([&] { return !world.file("count").empty(); }));
  world.close();
  world.open();
  EXPECT_TRUE(world.eventually([&] { return world.run(id).state == "RUNNING"; }));
  ASSERT_TRUE(write_file(world.path() / "go", ""));
  EXPECT_EQ(world.end_of(id).state, "SUCCEEDED");
  EXPECT_EQ(world.file("count"), "x\n");
  EXPECT_EQ(world.pipelines().task_log(id, "root/b", 0, 0)->text, "done\n");
}

TEST(Runner, RecoversARunWhoseTaskEndedMeanwhile) {
  World world;
  const std::string script = fmt::format(
      "echo x >> {0}/count; while [ ! -e {0}/go ]; do sleep 0.01; done; echo x >> "
      "{0}/count",
      world.path().string());
  const std::string id = world.start(make_pipeline({{"a", script}, {"b", "true", {"a"}}}));
  ASSERT_TRUE(world.eventually([&] { return !world.file("count").empty(); }));
  world.close();
  ASSERT_TRUE(write_file(world.path() / "go", ""));
  ASSERT_TRUE(world.eventually([&] { return world.file("count") == "x\nx\n"; }));
  world.open();
  EXPECT_EQ(world.end_of(id).state, "SUCCEEDED");
  EXPECT_EQ(world.file("count"), "x\nx\n");
}

// The whole machine dies: the task, its launcher and the server. Nobody saw the task's end, so it counts as a failure.
TEST(Runner, TriesAgainWhatWasLostWithItsLauncher) {
  World world;
  const std::string pids = (world.path() / "pids").string();
  const std::string script =
      fmt::format("test -e {0} && exit 0; echo $$ $PPID > {0}.new; mv {0}.new {0}; exec sleep 60", pids);
  const std::string again = world.start(make_pipeline({{"a", script, {}, 1}}));
  ASSERT_TRUE(
      world.eventually([&] { return world.task(again, "a").state == "RUNNING" && !world.file("pids").empty(); }));
  const std::string once = world.start(make_pipeline({{"a", "exec sleep 60"}}));
  ASSERT_TRUE(world.eventually([&] { return world.task(once, "a").state == "RUNNING"; }));
  world.close();
  const std::string text = world.file("pids");
  const auto words = split(trim(text), ' ');
  ASSERT_EQ(words.size(), 2u);
  for (const std::string_view pid : {words[1], words[0]}) {
    ASSERT_GT(parse_int(pid).value_or(0), 1);
    ASSERT_EQ(::kill(static_cast<pid_t>(*parse_int(pid)), SIGKILL), 0);
  }
  world.open();
  EXPECT_EQ(world.end_of(again).state, "SUCCEEDED");
  EXPECT_EQ(world.task(again, "a").attempt, 2);
  // The other one's process may go on without its launcher, or not: what counts is that the run comes to an end.
  if (!world.run(once).finished) {
    world.post("/apis/v2beta1/runs/" + once + ":terminate");
  }
  EXPECT_EQ(world.end_of(once).state, "FAILED");
}

// What waited to be started when the machine died may have been started: it is, as another attempt that does not count.
TEST(Runner, StartsAnewWhatAnotherBootMayHaveStarted) {
  World world(1);
  const std::string wait =
      fmt::format("echo x >> {0}/count; while [ ! -e {0}/go ]; do sleep 0.01; done", world.path().string());
  const std::string id = world.start(make_pipeline({{"a", wait}, {"b", "true"}}));
  ASSERT_TRUE(world.eventually([&] { return world.task(id, "a").state == "RUNNING"; }));
  EXPECT_EQ(world.task(id, "b").attempt, 1);
  world.close();
  world.boot = "second";
  world.open();
  EXPECT_TRUE(world.eventually([&] { return world.task(id, "b").attempt == 2; }));
  ASSERT_TRUE(write_file(world.path() / "go", ""));
  EXPECT_EQ(world.end_of(id).state, "SUCCEEDED");
  EXPECT_EQ(world.file("count"), "x\n");
  EXPECT_EQ(world.task(id, "a").attempt, 1);
}

// One event may change more rows than one transaction takes; a death between them leaves events without their rows.
TEST(Runner, WritesAllRowsThatAnEventChanges) {
  constexpr int kSkipped = 700;
  World world;
  std::vector<Step> steps = {{"first", "exit 1"}};
  for (int i = 0; i < kSkipped; ++i) steps.push_back({fmt::format("t{}", i), "true", {"first"}});
  const std::string id = world.start(make_pipeline(steps));
  const auto skipped = [&] {
    const RunView run = world.run(id);
    return std::count_if(run.tasks.begin(), run.tasks.end(), [](const auto& task) { return task.state == "SKIPPED"; });
  };
  EXPECT_EQ(world.end_of(id).state, "FAILED");
  EXPECT_EQ(skipped(), kSkipped);
  world.close();
  world.change_database(
      "UPDATE kfp_runs SET finished = 0, state = 'RUNNING', error = '';"
      "UPDATE kfp_tasks SET data = json_set(data, '$.state', 'PENDING') WHERE path <> 'root/first';"
      "DELETE FROM kfp_tasks WHERE path = 'root/t699';");
  world.open();
  const RunView run = world.end_of(id);
  EXPECT_EQ(run.state, "FAILED");
  EXPECT_THAT(run.error, HasSubstr("exit code 1"));
  EXPECT_EQ(skipped(), kSkipped);
}

TEST(Runner, TerminatesARunThatItTookUp) {
  World world;
  const std::string id = world.start(make_pipeline({{"a", "exec sleep 60"}}));
  ASSERT_TRUE(world.eventually([&] { return world.task(id, "a").state == "RUNNING"; }));
  world.close();
  world.open();
  EXPECT_EQ(world.post("/apis/v2beta1/runs/" + id + ":terminate").status, 200);
  EXPECT_EQ(world.end_of(id).state, "FAILED");
  EXPECT_EQ(world.task(id, "a").state, "CANCELED");
}

// Before version 4 of the schema each event had a row of its own, and a task's row said what it had not, too.
TEST(Runner, RecoversARunOfAnEarlierVersion) {
  World world(1);
  const std::string wait =
      fmt::format("echo x >> {0}/count; while [ ! -e {0}/go ]; do sleep 0.01; done", world.path().string());
  const std::string id =
      world.start(make_pipeline({{"before", "true"}, {"a", wait, {"before"}}, {"b", "true", {"a"}}}));
  ASSERT_TRUE(world.eventually([&] { return world.task(id, "a").state == "RUNNING"; }));
  world.close();
  world.change_database(
      "CREATE TABLE single AS SELECT run_id, number + json_each.key AS number, json_each.value AS event "
      "  FROM run_events, json_each(event);"
      "DELETE FROM run_events;"
      "INSERT INTO run_events SELECT * FROM single;"
      "DROP TABLE single;"
      "UPDATE kfp_tasks SET data = json_insert(data, '$.depends_on', json('[]'), '$.attempt', 0, '$.started', 0, "
      "  '$.ended', 0, '$.pod', '', '$.image', '', '$.outputs', json('{\"parameters\":{},\"artifacts\":{}}'));"
      "DELETE FROM schema_version WHERE component = 'pipelines' AND version = 4;");
  world.open();
  EXPECT_TRUE(world.eventually([&] { return world.run(id).state == "RUNNING"; }));
  EXPECT_EQ(world.task(id, "before").state, "SUCCEEDED");
  ASSERT_TRUE(write_file(world.path() / "go", ""));
  EXPECT_EQ(world.end_of(id).state, "SUCCEEDED");
  EXPECT_EQ(world.file("count"), "x\n");
  EXPECT_EQ(world.task(id, "b").attempt, 1);
  EXPECT_EQ(world.run(id).tasks.size(), 4u);
}

// The server goes and comes at any moment; every task of every run is run exactly as often as it has to be.
TEST(Runner, RunsEachAttemptOnceHoweverOftenItIsClosed) {
  const char* fixed = std::getenv("MILLRACE_SEED");
  const auto seed = fixed != nullptr ? static_cast<std::uint32_t>(std::strtoul(fixed, nullptr, 10))
                                     : static_cast<std::uint32_t>(random_u64());
  SCOPED_TRACE(fmt::format("MILLRACE_SEED={}", seed));
  std::mt19937 random(seed);
  World world(3);
  std::vector<std::string> ids;
  std::map<std::string, int> wanted;  // lines of each task's file
  for (int n = 0; n < 4; ++n) {
    std::vector<Step> steps;
    for (std::uint32_t i = 0; i < 6; ++i) {
      Step step;
      step.name = fmt::format("t{}", i);
      const auto tries = 1 + random() % 2;
      const std::string mark = fmt::format("count-{}-{}", n, i);
      wanted[mark] = static_cast<int>(tries);
      step.script = fmt::format("echo x >> {0}; sleep 0.0{1}; test $(wc -l < {0}) -ge {2}",
                                (world.path() / mark).string(), random() % 5, tries);
      step.retries = 2;
      if (i > 0 && random() % 2 == 0) step.after = {fmt::format("t{}", random() % i)};
      steps.push_back(std::move(step));
    }
    ids.push_back(world.start(make_pipeline(steps)));
  }
  std::size_t all = 0;
  for (const auto& [mark, count] : wanted) all += static_cast<std::size_t>(count);
  const auto done = [&] {
    std::size_t written = 0;
    for (const auto& [mark, count] : wanted) written += lines(world.file(mark));
    return written;
  };
  // Closed after so much of the work is done, and opened when the children that are under way have got further or not.
  for (std::size_t i = 0; i < 6; ++i) {
    const std::size_t enough = all * i / 8 + random() % 4;
    ASSERT_TRUE(World::eventually([&] { return done() >= enough; }));
    world.close();
    const std::size_t before = done();
    if (random() % 2 == 0) (void)eventually([&] { return done() > before; }, Millis(random() % 40));
    world.open();
  }
  for (const std::string& id : ids) {
    const RunView run = world.end_of(id);
    EXPECT_EQ(run.state, "SUCCEEDED") << run.error;
    for (const TaskView& task : run.tasks) EXPECT_EQ(task.state, "SUCCEEDED") << task.id;
  }
  for (const auto& [mark, count] : wanted) EXPECT_EQ(static_cast<int>(lines(world.file(mark))), count) << mark;
}

// Events of rules that this program does not know say nothing to it: it does not guess.
TEST(Runner, RefusesToContinueARunOfOtherRules) {
  World world;
  const std::string id = world.start(make_pipeline({{"a", "sleep 100"}}));
  ASSERT_TRUE(World::eventually([&] { return world.task(id, "a").state == "RUNNING"; }));
  world.close();
  world.change_database(R"(UPDATE run_events SET event = replace(event, '"rules":1', '"rules":99'))");
  world.open();
  const RunView run = world.end_of(id);
  EXPECT_EQ(run.state, "FAILED");
  EXPECT_EQ(run.error,
            "the run cannot be continued: it was started with version 99 of the engine's rules, and this program knows "
            "version 1 only");
  const Answer answer = world.post("/apis/v2beta1/runs/" + id + ":retry");
  EXPECT_EQ(answer.status, 400) << answer.text;
}

// Runs of before there were versions follow the first.
TEST(Runner, ContinuesARunWhoseEventsNameNoRules) {
  World world;
  const std::string go = (world.path() / "go").string();
  const std::string id =
      world.start(make_pipeline({{"a", "while [ ! -e " + go + " ]; do sleep 0.01; done"}, {"b", "true", {"a"}}}));
  ASSERT_TRUE(World::eventually([&] { return world.task(id, "a").state == "RUNNING"; }));
  world.close();
  world.change_database(R"(UPDATE run_events SET event = replace(event, ',"rules":1', ''))");
  world.open();
  ASSERT_TRUE(write_file(go, ""));
  EXPECT_EQ(world.end_of(id).state, "SUCCEEDED");
}

}  // namespace
}  // namespace millrace::pipelines::runner
