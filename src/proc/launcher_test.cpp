#include "proc/launcher.h"
#include "proc/process_info.h"

#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <condition_variable>
#include <fstream>
#include <map>
#include <mutex>
#include <thread>

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/eventually_for_tests.h"
#include "base/file.h"
#include "base/strings.h"

namespace millrace::proc {
namespace {

namespace fs = std::filesystem;
using State = ChildStatus::State;
using testing::HasSubstr;

// What the exit handler heard.
class Heard {
 public:
  void operator()(const std::string& key, const ChildStatus& status) {
    std::lock_guard lock(mutex_);
    statuses_[key] = status;
    ++calls_;
    changed_.notify_all();
  }
  ChildStatus wait_for(const std::string& key) {
    std::unique_lock lock(mutex_);
    if (!changed_.wait_for(lock, std::chrono::seconds(10), [&] { return statuses_.contains(key); })) {
      ADD_FAILURE() << "nothing was heard of " << key;
    }
    return statuses_[key];
  }
  std::size_t count() {
    std::lock_guard lock(mutex_);
    return statuses_.size();
  }
  int calls() {
    std::lock_guard lock(mutex_);
    return calls_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::string, ChildStatus> statuses_;
  int calls_ = 0;
};

class LauncherTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(make_directories(directory_, 0700));
    ASSERT_TRUE(make_directories(work_));
  }
  void TearDown() override {
    if (!launcher_) open();
    if (launcher_) {
      EXPECT_TRUE(launcher_->shutdown(Millis(0)));
    }
  }
  void open() {
    auto opened = Launcher::open(directory_, own_program(), std::ref(heard_));
    ASSERT_TRUE(opened) << opened.error().message;
    launcher_ = std::move(*opened);
  }
  static fs::path own_program() { return fs::read_symlink("/proc/self/exe"); }
  LaunchSpec shell(const std::string& key, const std::string& script) const {
    LaunchSpec spec;
    spec.key = key;
    spec.argv = {"sh", "-c", script};
    spec.environment = {{"PATH", "/usr/bin:/bin"}};
    spec.working_directory = work_;
    spec.stdout_path = spec.stderr_path = work_ / "output";
    return spec;
  }
  ChildStatus run(const LaunchSpec& spec) {
    const auto launched = launcher_->launch(spec);
    if (!launched) {
      ADD_FAILURE() << launched.error().message;
      return {};
    }
    return heard_.wait_for(spec.key);
  }
  std::string file(const std::string& name) const { return read_file(work_ / name).value_or(""); }
  static pid_t parent_of(std::int64_t pid) {
    const auto status = read_file(fmt::format("/proc/{}/status", pid), 65536).value_or("");
    const auto at = status.find("PPid:\t");
    return at == std::string::npos ? 0 : std::atoi(status.c_str() + at + 6);
  }
  static bool alive(std::int64_t pid) {
    const auto stat = read_file(fmt::format("/proc/{}/stat", pid), 4096);
    return stat && stat->find(") Z ") == std::string::npos;
  }

  TempDir dir_ = std::move(*TempDir::make("proc"));
  // Longer than the 108 bytes of a Unix socket's address.
  fs::path directory_ = dir_.path() / std::string(120, 'd');
  fs::path work_ = dir_.path() / "work";
  Heard heard_;
  std::unique_ptr<Launcher> launcher_;
};

TEST_F(LauncherTest, TellsExitCodesAndSignals) {
  open();
  const auto zero = run(shell("zero", "exit 0")), seven = run(shell("seven", "exit 7"));
  EXPECT_EQ(zero.state, State::exited);
  EXPECT_EQ(zero.exit_code, 0);
  EXPECT_EQ(seven.exit_code, 7);
  EXPECT_EQ(seven.signal, 0);
  EXPECT_GE(seven.ended, seven.started);
  const auto killed = run(shell("killed", "kill -SEGV $$"));
  EXPECT_EQ(killed.exit_code, 128 + SIGSEGV);
  EXPECT_EQ(killed.signal, SIGSEGV);
  const auto asked = launcher_->status("killed");
  ASSERT_TRUE(asked && *asked);
  EXPECT_EQ((*asked)->signal, SIGSEGV);
  EXPECT_EQ(*launcher_->status("never"), std::nullopt);
}

TEST_F(LauncherTest, GivesExactlyTheEnvironmentDirectoryAndOutput) {
  ::setenv("MILLRACE_TEST_SECRET", "of the server", 1);
  open();
  auto spec = shell("env", "env; pwd; echo wrong >&2; cat; ls /proc/self/fd | wc -l");
  spec.environment.emplace_back("TOKEN", "s3cret \xff bytes");
  spec.stderr_path = work_ / "errors";
  EXPECT_EQ(run(spec).exit_code, 0);
  EXPECT_THAT(file("output"), HasSubstr("TOKEN=s3cret \xff bytes\n"));
  EXPECT_THAT(file("output"), testing::Not(HasSubstr("MILLRACE_TEST_SECRET")));
  EXPECT_THAT(file("output"), HasSubstr(work_.string() + "\n"));
  EXPECT_THAT(file("output"), testing::EndsWith("\n4\n"));  // 0, 1, 2, and ls's own: nothing leaks
  EXPECT_EQ(file("errors"), "wrong\n");
  struct stat info{};
  ASSERT_EQ(::stat((work_ / "output").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  // Appended, never truncated.
  auto again = shell("again", "echo more");
  run(again);
  EXPECT_THAT(file("output"), HasSubstr("TOKEN"));
  EXPECT_THAT(file("output"), testing::EndsWith("more\n"));
}

TEST_F(LauncherTest, WritesNoSecretToDisk) {
  open();
  auto spec = shell("quiet", "true argument-4711");
  spec.environment.emplace_back("TOKEN", "secret-0815");
  run(spec);
  for (const auto& entry : fs::directory_iterator(directory_)) {
    if (!entry.is_regular_file()) continue;
    const auto text = read_file(entry.path()).value_or("");
    EXPECT_THAT(text, testing::Not(HasSubstr("secret-0815"))) << entry.path();
    EXPECT_THAT(text, testing::Not(HasSubstr("argument-4711"))) << entry.path();
  }
}

TEST_F(LauncherTest, TellsWhereStandardErrorEndsInALogForBoth) {
  open();
  const auto after_error = run(shell("error", "echo out; echo why >&2; echo more; exit 3"));
  EXPECT_EQ(file("output").substr(0, after_error.errors_end), "out\nwhy\n");
  EXPECT_EQ(launcher_->status("error")->value().errors_end, after_error.errors_end);
  EXPECT_EQ(run(shell("none", "echo out; exit 3")).errors_end, 0u);
  EXPECT_EQ(run(shell("good", "echo warning >&2")).errors_end, 0u);
  LaunchSpec apart = shell("apart", "echo why >&2; exit 3");
  apart.stderr_path = work_ / "errors";
  EXPECT_EQ(run(apart).errors_end, 0u);
  launcher_.reset();
  open();
  EXPECT_EQ(launcher_->status("error")->value().errors_end, after_error.errors_end) << "it is in the journal";
}

TEST_F(LauncherTest, LaunchesAKeyOnlyOnce) {
  open();
  const auto spec = shell("once", "echo ran; sleep 0.2; exit 3");
  const auto first = launcher_->launch(spec), second = launcher_->launch(spec);
  ASSERT_TRUE(first && second);
  EXPECT_EQ(first->pid, second->pid);
  EXPECT_EQ(second->state, State::running);
  heard_.wait_for("once");
  const auto third = launcher_->launch(spec);
  ASSERT_TRUE(third);
  EXPECT_EQ(third->state, State::exited);
  EXPECT_EQ(third->exit_code, 3);
  EXPECT_EQ(file("output"), "ran\n");
  ASSERT_TRUE(launcher_->forget("once"));
  EXPECT_EQ(*launcher_->status("once"), std::nullopt);
  ASSERT_TRUE(launcher_->launch(shell("once", "echo anew")));
  EXPECT_TRUE(eventually([&] { return file("output") == "ran\nanew\n"; }));
}

TEST_F(LauncherTest, ForgetsWhatHasEndedBelowAKey) {
  open();
  for (const char* key : {"run/1/a/1", "run/1/b/1", "run/10/a/1"}) {
    ASSERT_TRUE(launcher_->launch(shell(key, "true")));
    heard_.wait_for(key);
  }
  ASSERT_TRUE(launcher_->launch(shell("run/1/c/1", "exec sleep 60")));
  ASSERT_TRUE(launcher_->forget("run/1"));
  EXPECT_EQ(*launcher_->status("run/1/a/1"), std::nullopt);
  EXPECT_EQ(*launcher_->status("run/1/b/1"), std::nullopt);
  EXPECT_NE(*launcher_->status("run/1/c/1"), std::nullopt);  // it runs
  EXPECT_NE(*launcher_->status("run/10/a/1"), std::nullopt);
}

TEST_F(LauncherTest, HasManyLaunchesUnderWay) {
  constexpr int kMany = 100;
  open();
  std::mutex mutex;
  std::condition_variable changed;
  int started = 0;
  for (int i = 0; i < kMany; ++i) {
    LaunchSpec spec = shell(fmt::format("many/{}", i), "true");
    spec.synced = i % 2 == 0;
    launcher_->launch_async(spec, [&](const Result<ChildStatus>& status) {
      EXPECT_TRUE(status);
      const std::lock_guard lock(mutex);
      ++started;
      changed.notify_all();
    });
  }
  {
    std::unique_lock lock(mutex);
    EXPECT_TRUE(changed.wait_for(lock, std::chrono::seconds(30), [&] { return started == kMany; }));
  }
  for (int i = 0; i < kMany; ++i) heard_.wait_for(fmt::format("many/{}", i));
}

TEST_F(LauncherTest, RefusesWhatCannotStartAndForgetsIt) {
  open();
  auto spec = shell("bad", "true");
  spec.argv = {"no-such-program"};
  EXPECT_EQ(launcher_->launch(spec).error().code, Code::not_found);
  spec.argv = {"/nowhere/program"};
  EXPECT_EQ(launcher_->launch(spec).error().code, Code::not_found);
  std::ofstream(work_ / "text") << "x";
  spec.argv = {"./text"};
  EXPECT_EQ(launcher_->launch(spec).error().code, Code::permission_denied);
  ::chmod((work_ / "text").c_str(), 0755);
  EXPECT_EQ(launcher_->launch(spec).error().code, Code::invalid_argument);  // not a format the kernel knows
  spec.argv = {};
  EXPECT_EQ(launcher_->launch(spec).error().code, Code::invalid_argument);
  spec.argv = {"sh", std::string(5u << 20, 'x')};
  EXPECT_EQ(launcher_->launch(spec).error().code, Code::invalid_argument);
  spec.argv = {"true"};
  spec.working_directory = "/nowhere";
  EXPECT_THAT(launcher_->launch(spec).error().message, HasSubstr("/nowhere"));
  spec.working_directory = work_;
  spec.stdout_path = "/nowhere/output";
  EXPECT_THAT(launcher_->launch(spec).error().message, HasSubstr("/nowhere/output"));
  EXPECT_EQ(run(shell("bad", "exit 4")).exit_code, 4);  // the key was never used up
}

TEST_F(LauncherTest, StopsWithGrace) {
  open();
  ASSERT_TRUE(launcher_->launch(shell("polite", "trap 'exit 5' TERM; echo ready; while :; do sleep 0.01; done")));
  ASSERT_TRUE(eventually([&] { return file("output") == "ready\n"; }));
  ASSERT_TRUE(launcher_->stop("polite", Millis(10'000)));
  EXPECT_EQ(heard_.wait_for("polite").exit_code, 5);

  ASSERT_TRUE(launcher_->launch(shell("deaf", "trap '' TERM; echo deaf; while :; do sleep 0.01; done")));
  ASSERT_TRUE(eventually([&] { return file("output").ends_with("deaf\n"); }));
  ASSERT_TRUE(launcher_->stop("deaf", Millis(50)));
  EXPECT_EQ(heard_.wait_for("deaf").signal, SIGKILL);
  EXPECT_TRUE(launcher_->stop("deaf", Millis(50)));
  EXPECT_TRUE(launcher_->stop("unknown", Millis(50)));
}

// A client of a container passes on every signal that it gets: a SIGCONT behind the SIGTERM finds nobody there.
TEST_F(LauncherTest, OnlyAStoppedChildIsSentOnWhenItIsToEnd) {
  open();
  const std::string traps = "trap 'echo went on' CONT; trap 'sleep 0.2; exit 5' TERM; ";
  ASSERT_TRUE(launcher_->launch(shell("running", traps + "echo ready; while :; do sleep 0.01; done")));
  ASSERT_TRUE(eventually([&] { return file("output") == "ready\n"; }));
  ASSERT_TRUE(launcher_->stop("running", Millis(10'000)));
  EXPECT_EQ(heard_.wait_for("running").exit_code, 5);
  EXPECT_THAT(file("output"), Not(HasSubstr("went on")));

  ASSERT_TRUE(
      launcher_->launch(shell("stopped", traps + "echo $$ > pid; kill -STOP $$; while :; do sleep 0.01; done")));
  ASSERT_TRUE(eventually([&] {
    const auto pid = parse_int(trim(file("pid")));
    return pid && is_stopped(*pid);
  }));
  ASSERT_TRUE(launcher_->stop("stopped", Millis(10'000)));
  EXPECT_EQ(heard_.wait_for("stopped").exit_code, 5);
}

TEST_F(LauncherTest, WhatAChildLeavesBehindEndsWithIt) {
  open();
  EXPECT_EQ(run(shell("parent", "sleep 100 & echo $!")).exit_code, 0);
  const auto orphan = parse_int(trim(file("output")));
  ASSERT_TRUE(orphan);
  EXPECT_TRUE(eventually([&] { return !alive(*orphan); }));
}

TEST_F(LauncherTest, LimitsHold) {
  open();
  auto spec = shell("file", "head -c 100000 /dev/zero > big");
  spec.file_size_limit_bytes = 4096;
  EXPECT_NE(run(spec).exit_code, 0);
  EXPECT_EQ(file("big").size(), 4096u);
  spec = shell("cpu", "while :; do :; done");
  spec.cpu_limit_seconds = 1;
  spec.memory_limit_bytes = 1u << 30;
  EXPECT_EQ(run(spec).signal, SIGXCPU);
  spec = shell("memory", "ulimit -d");
  spec.memory_limit_bytes = 1u << 30;
  run(spec);
  EXPECT_THAT(file("output"), testing::EndsWith("1048576\n"));
}

TEST_F(LauncherTest, TwoHundredChildrenSideBySide) {
  open();
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 25; ++i) {
        const auto launched =
            launcher_->launch(shell(fmt::format("{}/{}", t, i), fmt::format("sleep 0.3; exit {}", i)));
        EXPECT_TRUE(launched) << launched.error().message;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  ASSERT_TRUE(eventually([&] { return heard_.count() == 200; }));
  for (int i = 0; i < 25; ++i) EXPECT_EQ(heard_.wait_for(fmt::format("3/{}", i)).exit_code, i);
  EXPECT_EQ(heard_.calls(), 200);
}

TEST_F(LauncherTest, AChildIgnoresNoSignalThatTheServerDoes) {
  // One that the C library keeps for itself, by the system call; the kernel's struct begins with the handler.
  constexpr int kSetxid = 33;
  std::array<std::uintptr_t, 8> before{}, ignore{reinterpret_cast<std::uintptr_t>(SIG_IGN)};
  ASSERT_EQ(::syscall(SYS_rt_sigaction, kSetxid, ignore.data(), before.data(), 8), 0);
  const auto usual = ::signal(SIGUSR1, SIG_IGN);
  open();
  ::signal(SIGUSR1, usual);
  ASSERT_EQ(::syscall(SYS_rt_sigaction, kSetxid, before.data(), nullptr, 8), 0);
  EXPECT_EQ(run(shell("x", "grep SigIgn /proc/self/status")).exit_code, 0);
  EXPECT_EQ(file("output"), "SigIgn:\t0000000000000000\n");
}

TEST_F(LauncherTest, TheHandlerMayLaunchButNotWaitForAnAnswer) {
  std::atomic<bool> refused = false, launched = false;
  auto opened = Launcher::open(directory_, own_program(), [&](const std::string& key, const ChildStatus&) {
    if (key != "x") return;
    const auto status = launcher_->status(key);
    refused = !status && status.error().code == Code::internal;
    launcher_->launch_async(shell("y", "true"), [&](const Result<ChildStatus>& y) { launched = y.has_value(); });
  });
  ASSERT_TRUE(opened);
  launcher_ = std::move(*opened);
  ASSERT_TRUE(launcher_->launch(shell("x", "true")));
  EXPECT_TRUE(eventually([&] { return launched.load(); }));
  EXPECT_TRUE(refused);
}

TEST_F(LauncherTest, AChildOutlivesAKilledServer) {
  int ready[2];
  ASSERT_EQ(::pipe(ready), 0);
  const pid_t server = ::fork();
  ASSERT_GE(server, 0);
  if (server == 0) {
    auto opened = Launcher::open(directory_, own_program(), {});
    if (!opened || !(*opened)->launch(shell("child", "while [ ! -e go ]; do sleep 0.01; done; exit 9")) ||
        !(*opened)->launch(shell("quick", "exit 6"))) {
      ::_exit(1);
    }
    if (::write(ready[1], "x", 1) != 1) ::_exit(2);
    while (true) ::pause();
  }
  char byte = 0;
  ::close(ready[1]);
  ASSERT_EQ(::read(ready[0], &byte, 1), 1);
  ::close(ready[0]);
  ::kill(server, SIGKILL);
  ::waitpid(server, nullptr, 0);

  open();
  const auto running = launcher_->launch(shell("child", "echo never > second-start"));
  ASSERT_TRUE(running);
  EXPECT_EQ(running->state, State::running);
  std::ofstream(work_ / "go") << "";
  EXPECT_EQ(heard_.wait_for("child").exit_code, 9);
  EXPECT_FALSE(fs::exists(work_ / "second-start"));
  EXPECT_TRUE(eventually([&] { return (*launcher_->status("quick"))->state == State::exited; }));
  EXPECT_EQ((*launcher_->status("quick"))->exit_code, 6);
}

TEST_F(LauncherTest, AKilledLauncherLosesItsChildrenButStartsNoneTwice) {
  open();
  ASSERT_EQ(run(shell("before", "exit 2")).exit_code, 2);
  const auto child = launcher_->launch(shell("child", "echo x; while [ ! -e go ]; do sleep 0.01; done; exit 9"));
  const auto gone = launcher_->launch(shell("gone", "sleep 100"));
  ASSERT_TRUE(child && gone);
  const pid_t launcher = parent_of(child->pid);
  ASSERT_GT(launcher, 1);
  ::kill(launcher, SIGKILL);
  ::kill(static_cast<pid_t>(-gone->pid), SIGKILL);
  EXPECT_EQ(heard_.wait_for("gone").state, State::lost);  // a new launcher was started without being asked
  const auto again = launcher_->launch(shell("child", "echo never"));
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(again->state, State::running);
  EXPECT_EQ(again->pid, child->pid);
  std::ofstream(work_ / "go") << "";
  EXPECT_EQ(heard_.wait_for("child").state, State::lost);
  EXPECT_EQ((*launcher_->status("before"))->exit_code, 2);
  EXPECT_EQ(run(shell("after", "exit 3")).exit_code, 3);
  EXPECT_EQ(file("output"), "x\n");
}

TEST_F(LauncherTest, AnAdoptedChildCanBeStopped) {
  open();
  const auto child = launcher_->launch(shell("child", "sleep 100"));
  ASSERT_TRUE(child);
  ::kill(parent_of(child->pid), SIGKILL);
  ASSERT_TRUE(eventually([&] { return launcher_->status("child").has_value(); }));
  ASSERT_TRUE(launcher_->stop("child", Millis(1000)));
  EXPECT_EQ(heard_.wait_for("child").state, State::lost);
  EXPECT_FALSE(alive(child->pid));
}

TEST_F(LauncherTest, ALaunchBegunButNotRecordedIsLost) {
  std::ofstream(directory_ / "journal") << R"({"op":"launching","key":"half","at":1700000000000})"
                                           "\n"
                                        << R"({"op":"launching","key":"torn","at":17000)";
  open();
  const auto half = launcher_->launch(shell("half", "echo never"));
  ASSERT_TRUE(half);
  EXPECT_EQ(half->state, State::lost);
  EXPECT_EQ(run(shell("torn", "exit 1")).exit_code, 1);
  EXPECT_EQ(file("output"), "");
}

TEST_F(LauncherTest, ASecondServerIsRefused) {
  open();
  const auto second = Launcher::open(directory_, own_program(), {});
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Code::failed_precondition);
  EXPECT_THAT(second.error().message, HasSubstr("another server uses this data directory"));
}

TEST_F(LauncherTest, ShutdownEndsChildrenAndLauncher) {
  open();
  const auto child = launcher_->launch(shell("child", "sleep 100"));
  ASSERT_TRUE(child);
  const pid_t launcher = parent_of(child->pid);
  ASSERT_TRUE(launcher_->shutdown(Millis(2'000)));
  EXPECT_FALSE(alive(child->pid));
  EXPECT_FALSE(alive(launcher));
  EXPECT_EQ(launcher_->launch(shell("late", "true")).error().code, Code::unavailable);
  launcher_.reset();
  open();
  EXPECT_EQ((*launcher_->status("child"))->signal, SIGTERM);
}

TEST_F(LauncherTest, ALauncherThatCannotStartIsNamed) {
  const auto missing = Launcher::open(directory_, "/nowhere/millrace", {});
  EXPECT_EQ(missing.error().code, Code::not_found);
  const auto ends = Launcher::open(directory_, "/bin/false", {});
  EXPECT_THAT(ends.error().message, HasSubstr("/bin/false"));
}

}  // namespace
}  // namespace millrace::proc
