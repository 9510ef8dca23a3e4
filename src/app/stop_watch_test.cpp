#include "app/stop_watch.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <functional>

namespace millrace::app {
namespace {

struct Ended {
  int status = 0;
  double seconds = 0;
  std::string said;
};

// In a process of its own, which tells by a byte that it is ready for a signal.
Ended in_child(const std::function<void(int ready)>& body, int signals) {
  int ready[2], output[2];
  EXPECT_EQ(::pipe(ready), 0);
  EXPECT_EQ(::pipe(output), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    ::dup2(output[1], 2);
    ::close(output[0]);
    body(ready[1]);
    ::_exit(7);
  }
  ::close(output[1]);
  char byte = 0;
  EXPECT_EQ(::read(ready[0], &byte, 1), 1);
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < signals; ++i) {
    ::kill(child, i % 2 == 0 ? SIGTERM : SIGINT);
    if (i + 1 < signals) EXPECT_EQ(::read(ready[0], &byte, 1), 1);
  }
  Ended ended;
  ::waitpid(child, &ended.status, 0);
  ended.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  char text[1024];
  for (ssize_t n; (n = ::read(output[0], text, sizeof text)) > 0;) ended.said.append(text, static_cast<std::size_t>(n));
  for (const int fd : {ready[0], ready[1], output[0]}) ::close(fd);
  return ended;
}

void say_ready(int ready) { (void)!::write(ready, "r", 1); }

TEST(StopWatch, AStopThatIsDoneInTimeEndsAsItWill) {
  const Ended ended = in_child(
      [](int ready) {
        StopWatch watch(StopWatch::Begin::at_signal, Millis(60'000));
        say_ready(ready);
        watch.wait_for_signal();
      },
      1);
  EXPECT_TRUE(WIFEXITED(ended.status));
  EXPECT_EQ(WEXITSTATUS(ended.status), 7);
  EXPECT_EQ(ended.said, "");
}

TEST(StopWatch, AStopThatHangsIsEndedAndSaysWhereItHung) {
  const Ended ended = in_child(
      [](int ready) {
        StopWatch watch(StopWatch::Begin::at_signal, Millis(100));
        say_ready(ready);
        watch.wait_for_signal();
        watch.phase() = "a thread of the test";
        while (true) ::pause();
      },
      1);
  EXPECT_TRUE(WIFEXITED(ended.status));
  EXPECT_EQ(WEXITSTATUS(ended.status), StopWatch::kForcedExit);
  EXPECT_NE(ended.said.find("a thread of the test"), std::string::npos) << ended.said;
}

TEST(StopWatch, ASecondSignalEndsAtOnce) {
  const Ended ended = in_child(
      [](int ready) {
        StopWatch watch(StopWatch::Begin::at_signal, Millis(60'000));
        say_ready(ready);
        watch.wait_for_signal();
        say_ready(ready);
        while (true) ::pause();
      },
      2);
  EXPECT_TRUE(WIFEXITED(ended.status));
  EXPECT_EQ(WEXITSTATUS(ended.status), StopWatch::kForcedExit);
  EXPECT_LT(ended.seconds, 30);
  EXPECT_NE(ended.said.find("a second signal"), std::string::npos) << ended.said;
}

// A start that hangs is ended too: nobody waits for the signal yet.
TEST(StopWatch, CountsFromTheSignalAlsoWhereNobodyWaitsForIt) {
  const Ended ended = in_child(
      [](int ready) {
        StopWatch watch(StopWatch::Begin::at_signal, Millis(100));
        say_ready(ready);
        while (true) ::pause();
      },
      1);
  EXPECT_TRUE(WIFEXITED(ended.status));
  EXPECT_NE(ended.said.find("the start"), std::string::npos) << ended.said;
}

TEST(StopWatch, EndsWithoutASignal) {
  const Ended ended = in_child(
      [](int ready) {
        {
          StopWatch watch(StopWatch::Begin::at_signal);
        }
        say_ready(ready);
      },
      0);
  EXPECT_TRUE(WIFEXITED(ended.status));
  EXPECT_EQ(WEXITSTATUS(ended.status), 7);
}

}  // namespace
}  // namespace millrace::app
