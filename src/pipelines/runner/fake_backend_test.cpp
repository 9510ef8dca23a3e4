// The runner over a backend that starts nothing: answers that come late, ends that come twice or never.

#include <memory>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "db/database.h"
#include "pipelines/executors/process.h"
#include "pipelines/world_for_tests.h"
#include "work/fake_backend.h"

namespace millrace::pipelines::runner {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;

class RunnerOnFakeBackend : public ::testing::Test {
 protected:
  RunnerOnFakeBackend() { open(); }
  ~RunnerOnFakeBackend() override { close(); }
  void open() {
    database_ = std::move(*db::Database::open((directory_.path() / "state.db").string()));
    Options options{directory_.path() / "pipelines", "", 16, {}, false};
    pipelines_ = std::move(*Pipelines::open({*database_, clock_, backend_}, options, Hooks()));
    EXPECT_TRUE(pipelines_->resume());
  }
  void close() {
    pipelines_->stop();
    pipelines_.reset();
    database_.reset();
  }
  net::Response post(const std::string& target, const Value& body) { return post_json(*pipelines_, target, body); }
  std::string start(const std::vector<Step>& steps) {
    const net::Response response =
        post("/apis/v2beta1/runs", Value::object({{"display_name", "r"}, {"pipeline_spec", make_pipeline(steps)}}));
    EXPECT_EQ(response.status, 200) << response.body;
    return (*parse_json(response.body))["run_id"].string_or();
  }
  // The key of the workload that is started next; each once.
  std::string next_key() {
    EXPECT_TRUE(World::eventually([&] { return backend_.started().size() > seen_; })) << "nothing is started";
    const auto started = backend_.started();
    return seen_ < started.size() ? started[seen_++] : std::string();
  }
  std::string state(const std::string& id) { return pipelines_->run(id)->state; }
  std::string end_of(const std::string& id) {
    EXPECT_TRUE(World::eventually([&] { return pipelines_->run(id)->finished.has_value(); })) << id << " does not end";
    return state(id);
  }
  TaskView task(const std::string& id, const std::string& name) {
    auto run = pipelines_->run(id);
    for (TaskView& task : run->tasks) {
      if (task.name == name) return std::move(task);
    }
    return {};
  }

  TempDir directory_ = std::move(*TempDir::make("fake"));
  SystemClock clock_;
  work::FakeBackend backend_;
  std::unique_ptr<db::Database> database_;
  std::unique_ptr<Pipelines> pipelines_;
  std::size_t seen_ = 0;
};

TEST_F(RunnerOnFakeBackend, ATaskIsAWorkloadOfItsAttempt) {
  const std::string id = start({{"a", "script"}});
  const std::string key = next_key();
  std::string run, path;
  int attempt = 0;
  ASSERT_TRUE(executors::parse_launch_key(key, run, path, attempt)) << key;
  EXPECT_EQ(run, id);
  EXPECT_EQ(attempt, 1);
  const auto workload = backend_.workload(key);
  ASSERT_TRUE(workload);
  EXPECT_THAT(workload->command, ElementsAre("/bin/sh", "-c", "script"));
  EXPECT_EQ(workload->image, "") << "of this machine";
  ASSERT_TRUE(backend_.end(key));
  EXPECT_EQ(end_of(id), "SUCCEEDED");
}

TEST_F(RunnerOnFakeBackend, AnEndThatIsReportedTwiceCountsOnce) {
  const std::string id = start({{"a", "x"}, {"b", "x", {"a"}}});
  const std::string first = next_key();
  ASSERT_TRUE(backend_.end(first));
  ASSERT_TRUE(backend_.repeat_end(first));
  const std::string second = next_key();
  ASSERT_TRUE(backend_.repeat_end(first));
  ASSERT_TRUE(backend_.end(second));
  EXPECT_EQ(end_of(id), "SUCCEEDED");
  EXPECT_THAT(backend_.started(), SizeIs(2));
}

TEST_F(RunnerOnFakeBackend, WhatWasLostIsTriedAgainAsAnotherAttempt) {
  const std::string id = start({{"a", "x", {}, 1}});
  const std::string first = next_key();
  ASSERT_TRUE(backend_.lose(first));
  const std::string second = next_key();
  EXPECT_NE(second, first);
  ASSERT_TRUE(backend_.lose(second));
  EXPECT_EQ(end_of(id), "FAILED");
  EXPECT_THAT(task(id, "a").error, HasSubstr("lost"));
}

// The run was terminated before it is known whether its task runs: what was started all the same is stopped.
TEST_F(RunnerOnFakeBackend, AnAnswerThatComesLateFindsARunThatIsTerminated) {
  backend_.hold_answers(true);
  const std::string id = start({{"a", "x"}});
  const std::string key = next_key();
  EXPECT_EQ(post("/apis/v2beta1/runs/" + id + ":terminate", Value::object()).status, 200);
  ASSERT_TRUE(backend_.answer(key));
  EXPECT_TRUE(World::eventually([&] { return !backend_.stopped().empty(); })) << "it is not stopped";
  ASSERT_TRUE(backend_.kill(key, 15));
  EXPECT_EQ(end_of(id), "FAILED") << "as upstream has it";
  EXPECT_EQ(task(id, "a").state, "CANCELED");
  EXPECT_THAT(backend_.started(), ElementsAre(key));
}

TEST_F(RunnerOnFakeBackend, AStartThatIsNotAnsweredIsRepeatedByTheNextServer) {
  backend_.hold_answers(true);
  const std::string id = start({{"a", "x"}});
  const std::string key = next_key();
  close();
  backend_.hold_answers(false);
  open();
  // It runs already: the key is started once, and its end is found.
  ASSERT_TRUE(backend_.end(key));
  EXPECT_EQ(end_of(id), "SUCCEEDED");
  EXPECT_THAT(backend_.started(), ElementsAre(key));
}

TEST_F(RunnerOnFakeBackend, AnEndWhileNoServerRanIsFound) {
  const std::string id = start({{"a", "x"}, {"b", "x", {"a"}}});
  const std::string first = next_key();
  close();
  ASSERT_TRUE(backend_.end(first));
  open();
  ASSERT_TRUE(backend_.end(next_key()));
  EXPECT_EQ(end_of(id), "SUCCEEDED");
}

TEST_F(RunnerOnFakeBackend, AStartThatFailsForAMomentIsTriedAgain) {
  backend_.fail_next_start(Error(Code::unavailable, "the backend is away"));
  const std::string id = start({{"a", "x", {}, 1}});
  ASSERT_TRUE(backend_.end(next_key()));
  EXPECT_EQ(end_of(id), "SUCCEEDED");
}

}  // namespace
}  // namespace millrace::pipelines::runner
