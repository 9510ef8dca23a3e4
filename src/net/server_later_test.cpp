// Answers that come after their handler has returned.

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <future>
#include <mutex>
#include <stdexcept>
#include <thread>
#include <vector>

#include "net/raw_connection_for_tests.h"

namespace millrace::net {
namespace {

using std::chrono::milliseconds;

// Keeps the completions of requests that wait.
class Waiting {
 public:
  Handler handler() {
    return [this](Request& request) {
      if (request.path == "/plain") return Response::text(200, "plain");
      Response response;
      response.later = [this](Completion completion) {
        const std::lock_guard lock(mutex_);
        completions_.push_back(std::move(completion));
        changed_.notify_all();
      };
      return response;
    };
  }
  std::vector<Completion> take(std::size_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return completions_.size() >= count; });
    return std::exchange(completions_, {});
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Completion> completions_;
};

void ask(RawConnection& raw, std::string_view path = "/") {
  raw.send(fmt::format("GET {} HTTP/1.1\r\nHost: x\r\n\r\n", path));
}

TEST(ServerLater, WaitingAnswersHoldNoThread) {
  Waiting waiting;
  ServerOptions options;
  options.handler_threads = 1;
  auto server = start_server(waiting.handler(), options);
  std::vector<std::unique_ptr<RawConnection>> clients;
  for (int i = 0; i < 100; ++i) {
    clients.push_back(std::make_unique<RawConnection>(server->port()));
    ask(*clients.back());
  }
  auto completions = waiting.take(100);
  RawConnection other(server->port());
  ask(other, "/plain");
  EXPECT_NE(other.receive("plain").find("200 OK"), std::string::npos);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = t; i < 100; i += 4) completions[static_cast<std::size_t>(i)](Response::text(202, "at last"));
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (auto& client : clients) EXPECT_NE(client->receive("at last").find("202 Accepted"), std::string::npos);
  ask(*clients[7], "/plain");
  EXPECT_NE(clients[7]->receive("plain").find("200 OK"), std::string::npos) << "the connection is kept";
}

TEST(ServerLater, TheFirstCallCounts) {
  Waiting waiting;
  auto server = start_server(waiting.handler());
  RawConnection raw(server->port());
  ask(raw);
  auto completions = waiting.take(1);
  const Completion copy = completions[0];
  EXPECT_TRUE(copy.wanted());
  completions[0](Response::text(200, "first"));
  EXPECT_FALSE(copy.wanted());
  copy(Response::text(200, "second"));
  EXPECT_NE(raw.receive("first").find("first"), std::string::npos);
}

TEST(ServerLater, ADroppedAnswerIs500) {
  Waiting waiting;
  auto server = start_server(waiting.handler());
  RawConnection raw(server->port());
  ask(raw);
  waiting.take(1).clear();
  EXPECT_NE(raw.receive("why").find("500 Internal"), std::string::npos);
}

TEST(ServerLater, AnAnswerBeforeTheHandlersEndIsSent) {
  auto server = start_server([](Request& request) {
    Response response;
    if (request.path == "/throw")
      response.later = [](const Completion&) { throw std::runtime_error("deliberate, from a test"); };
    else
      response.later = [](const Completion& completion) { completion(Response::text(200, "at once")); };
    return response;
  });
  for (int i = 0; i < 200; ++i) {
    RawConnection raw(server->port());
    ask(raw);
    EXPECT_NE(raw.receive("at once").find("200 OK"), std::string::npos);
  }
  RawConnection raw(server->port());
  ask(raw, "/throw");
  EXPECT_NE(raw.receive("why").find("500 Internal"), std::string::npos);
}

TEST(ServerLater, AnAnswerThatTakesTooLongIs504) {
  Waiting waiting;
  ServerOptions options;
  options.answer_timeout = std::chrono::seconds(1);
  auto server = start_server(waiting.handler(), options);
  RawConnection raw(server->port());
  ask(raw);
  const auto completions = waiting.take(1);
  EXPECT_NE(raw.receive("too long").find("504 Gateway"), std::string::npos);
  EXPECT_FALSE(completions[0].wanted());
  completions[0](Response::text(200, "too late"));
}

TEST(ServerLater, ACompletionMayOutliveItsClientAndItsServer) {
  Waiting waiting;
  auto server = start_server(waiting.handler());
  RawConnection gone(server->port()), waits(server->port());
  ask(gone);
  ask(waits);
  const auto completions = waiting.take(2);
  gone.abandon();
  const auto start = std::chrono::steady_clock::now();
  server->stop(milliseconds(100));
  server.reset();
  EXPECT_LT(std::chrono::steady_clock::now() - start, milliseconds(1500));
  for (const Completion& completion : completions) completion(Response::text(200, "too late"));
}

// The I/O thread is held for longer than a stop waits, so that the connection ends between the handler's return and its
// wait for the answer.
TEST(ServerLater, ACompletionMayOutliveAServerThatNeverCameToWaitForIt) {
  constexpr milliseconds kLongerThanAStop{1'300};
  Waiting waiting;
  std::promise<void> begun, held;
  std::atomic<bool> holding{false};
  ServerOptions options;
  options.request_plan = [&](const Request& head) {
    if (head.path == "/hold" && !holding.exchange(true)) {
      held.set_value();
      std::this_thread::sleep_for(kLongerThanAStop);
    }
    return RequestPlan{};
  };
  auto is_held = held.get_future().share();
  auto server = start_server(
      [&, inner = waiting.handler()](Request& request) {
        if (request.path == "/") begun.set_value();
        is_held.wait();
        return inner(request);
      },
      options);
  RawConnection waits(server->port()), holds(server->port());
  ask(waits);
  begun.get_future().wait();
  ask(holds, "/hold");
  const auto completions = waiting.take(1);
  server->stop(milliseconds(0));
  server.reset();
  for (const Completion& completion : completions) completion(Response::text(200, "too late"));
}

TEST(ServerLater, StopWaitsForAnAnswerWithinItsGrace) {
  Waiting waiting;
  auto server = start_server(waiting.handler());
  RawConnection raw(server->port());
  ask(raw);
  const auto completions = waiting.take(1);
  std::thread answering([&] {
    std::this_thread::sleep_for(milliseconds(50));
    completions[0](Response::text(200, "in time"));
  });
  server->stop(milliseconds(3000));
  answering.join();
  EXPECT_NE(raw.receive().find("in time"), std::string::npos);
}

TEST(ServerLater, AmendChangesTheAnswerWheneverItComes) {
  Waiting waiting;
  auto server = start_server([inner = waiting.handler()](Request& request) {
    Response response = inner(request);
    amend(response, [](Response& answer) { answer.headers.set("X-Added", "yes"); });
    return response;
  });
  RawConnection now(server->port()), later(server->port());
  ask(now, "/plain");
  EXPECT_NE(now.receive("\r\n\r\nplain").find("X-Added: yes"), std::string::npos);
  ask(later);
  waiting.take(1)[0](Response::text(200, "at last"));
  EXPECT_NE(later.receive("at last").find("X-Added: yes"), std::string::npos);
}

}  // namespace
}  // namespace millrace::net
