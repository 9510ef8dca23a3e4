#include <atomic>
#include <chrono>
#include <filesystem>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/eventually_for_tests.h"
#include "base/file.h"
#include "work/fake_backend.h"
#include "work/process_backend.h"

namespace millrace::work {
namespace {

using testing::ElementsAre;
using State = WorkStatus::State;

Workload workload(std::string key) {
  Workload out;
  out.key = std::move(key);
  return out;
}

TEST(EndRoutes, AKeyGoesToThoseWhoNamedItsBeginning) {
  EndRoutes routes;
  std::vector<std::string> tasks, all;
  auto of_tasks = routes.add("run/", [&](const auto& key, const auto&) { tasks.push_back(key); });
  const auto of_all = routes.add("", [&](const auto& key, const auto&) { all.push_back(key); });
  routes.report("run/1/a/1", {});
  routes.report("running", {});
  EXPECT_THAT(tasks, ElementsAre("run/1/a/1"));
  EXPECT_THAT(all, ElementsAre("run/1/a/1", "running"));
  of_tasks.reset();
  routes.report("run/1/a/2", {});
  EXPECT_THAT(tasks, ElementsAre("run/1/a/1"));
}

TEST(EndRoutes, ASubscriptionEndsOnlyWhenItsHandlerDoesNotRun) {
  EndRoutes routes;
  std::atomic<bool> in_handler = false, may_leave = false, is_reset = false;
  auto subscription = routes.add("", [&](const auto&, const auto&) {
    in_handler = true;
    in_handler.notify_all();
    may_leave.wait(false);
    EXPECT_FALSE(is_reset);
  });
  std::thread reporter([&] { routes.report("x", {}); });
  in_handler.wait(false);
  std::thread owner([&] {
    subscription.reset();
    is_reset = true;
  });
  may_leave = true;
  may_leave.notify_all();
  reporter.join();
  owner.join();
  EXPECT_TRUE(is_reset);
}

TEST(FakeBackend, StartsAKeyOnceAndEndsItAsTheTestSays) {
  FakeBackend backend;
  std::vector<std::string> ends;
  const auto subscription = backend.on_end("", [&](const auto& key, const WorkStatus& status) {
    ends.push_back(key + (status.state == State::lost ? " lost" : " " + std::to_string(status.exit_code)));
  });
  EXPECT_EQ(backend.start_and_wait(workload("a"))->state, State::running);
  EXPECT_EQ(backend.start_and_wait(workload("a"))->state, State::running);
  EXPECT_EQ(backend.start_and_wait(workload("b"))->state, State::running);
  EXPECT_THAT(backend.started(), ElementsAre("a", "b"));
  EXPECT_TRUE(backend.end("a", 3));
  EXPECT_FALSE(backend.end("a"));
  EXPECT_TRUE(backend.repeat_end("a"));
  EXPECT_TRUE(backend.lose("b"));
  EXPECT_THAT(ends, ElementsAre("a 3", "a 3", "b lost"));
  EXPECT_EQ(backend.start_and_wait(workload("a"))->exit_code, 3);
  EXPECT_TRUE(backend.forget("a"));
  EXPECT_EQ(*backend.status("a"), std::nullopt);
}

TEST(FakeBackend, HoldsAnswersBack) {
  FakeBackend backend;
  backend.hold_answers(true);
  int answers = 0;
  backend.start(workload("a"), [&](const auto& status) { answers += status ? 1 : 100; });
  EXPECT_EQ(answers, 0);
  EXPECT_THAT(backend.running(), ElementsAre("a"));
  EXPECT_TRUE(backend.answer("a"));
  EXPECT_FALSE(backend.answer("a"));
  EXPECT_EQ(answers, 1);
  backend.hold_answers(false);
  backend.fail_next_start(Error(Code::unavailable, "away"));
  EXPECT_EQ(backend.start_and_wait(workload("b")).error().message, "away");
  EXPECT_THAT(backend.running(), ElementsAre("a"));
}

// With a launcher and processes; a server that dies is a launcher and a backend that are opened again.
class ProcessBackendTest : public ::testing::Test {
 protected:
  ProcessBackendTest() { open(); }
  ~ProcessBackendTest() override {
    EXPECT_TRUE(backend_->shutdown(Millis(0)));
    launcher_.reset();
  }
  void open() {
    ASSERT_TRUE(make_directories(path() / "launcher", 0700));
    auto opened = proc::Launcher::open(path() / "launcher", std::filesystem::read_symlink("/proc/self/exe"),
                                       [this](const std::string& key, const proc::ChildStatus& status) {
                                         if (backend_) backend_->ended(key, status);
                                       });
    ASSERT_TRUE(opened) << opened.error().message;
    launcher_ = std::move(*opened);
    backend_ = std::make_unique<ProcessBackend>(*launcher_, path() / "sandbox");
  }
  void die() {
    launcher_.reset();
    backend_.reset();
  }
  Workload script(const std::string& key, const std::string& text) {
    Workload out;
    out.key = key;
    out.command = {"/bin/sh", "-c"};
    out.arguments = {text, "sh", "word"};
    out.environment = {{"PATH", "/usr/bin:/bin"}};
    out.working_directory = path();
    out.log = path() / "log";
    return out;
  }
  WorkStatus end_of(const std::string& key) {
    std::optional<WorkStatus> ended;
    EXPECT_TRUE(eventually([&] {
      const auto status = backend_->status(key);
      if (status && *status && (*status)->is_over()) ended = **status;
      return ended.has_value();
    })) << key
        << " does not end";
    return ended.value_or(WorkStatus());
  }
  const std::filesystem::path& path() const { return directory_.path(); }

  TempDir directory_ = std::move(*TempDir::make("work"));
  std::unique_ptr<ProcessBackend> backend_;
  std::unique_ptr<proc::Launcher> launcher_;
};

TEST_F(ProcessBackendTest, RunsACommandWithItsArgumentsIntoItsLog) {
  std::promise<std::string> ended;
  const auto subscription = backend_->on_end("a", [&](const auto& key, const auto&) { ended.set_value(key); });
  ASSERT_TRUE(backend_->start_and_wait(script("a", "echo to $1; echo other >&2; exit 4")));
  EXPECT_EQ(ended.get_future().get(), "a");
  const WorkStatus status = end_of("a");
  EXPECT_EQ(status.exit_code, 4);
  EXPECT_FALSE(status.succeeded());
  EXPECT_EQ(*read_file(path() / "log"), "to word\nother\n");
}

TEST_F(ProcessBackendTest, StartsAKeyOnceAndFindsItAfterADeath) {
  const Workload work = script("a", "echo once; while [ ! -e go ]; do sleep 0.01; done");
  ASSERT_TRUE(backend_->start_and_wait(work));
  die();
  open();
  const auto again = backend_->start_and_wait(work);
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(again->state, State::running);
  ASSERT_TRUE(write_file(path() / "go", ""));
  EXPECT_TRUE(end_of("a").succeeded());
  EXPECT_EQ(*read_file(path() / "log"), "once\n");
  EXPECT_TRUE(backend_->forget("a"));
  EXPECT_EQ(*backend_->status("a"), std::nullopt);
}

TEST_F(ProcessBackendTest, SaysWhyAProgramCannotBeStarted) {
  Workload work = script("a", "");
  work.command = {"no-such-program"};
  EXPECT_EQ(backend_->start_and_wait(work).error().code, Code::not_found);
  ASSERT_TRUE(backend_->start_and_wait(script("b", "exec sleep 1000")));
  ASSERT_TRUE(backend_->stop("b", Millis(0)));
  EXPECT_TRUE(end_of("b").was_killed());
}

}  // namespace
}  // namespace millrace::work
