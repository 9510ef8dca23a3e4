// Answers over time, and how they end.

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <mutex>
#include <stdexcept>
#include <thread>

#include "net/client.h"
#include "net/raw_connection_for_tests.h"

namespace millrace::net {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

// Says one thing, then waits; lets the test keep its waker.
class Waiting final : public StreamBody {
 public:
  explicit Waiting(std::function<void()>* waker, std::atomic<int>* gone = nullptr) : waker_(waker), gone_(gone) {}
  ~Waiting() override {
    if (gone_ != nullptr) ++*gone_;
  }
  void attach(std::function<void()> wake) override {
    if (waker_ != nullptr) *waker_ = std::move(wake);
  }
  Next read(std::string& out) override {
    out = "tick\n";
    return Next::wait;
  }

 private:
  std::function<void()>* waker_;
  std::atomic<int>* gone_;
};

class Endless final : public StreamBody {
 public:
  Next read(std::string& out) override {
    out.assign(1u << 20, 'e');
    return Next::more;
  }
};

class Broken final : public StreamBody {
 public:
  Next read(std::string& out) override {
    if (called_) throw std::runtime_error("deliberate, from a test");
    called_ = true;
    out = "begun";
    return Next::more;
  }

 private:
  bool called_ = false;
};

template <class Stream, class... Args>
Handler streaming(Args... args) {
  return [args...](Request&) {
    Response response;
    response.headers.set("Content-Type", "text/event-stream");
    response.stream = std::make_unique<Stream>(args...);
    return response;
  };
}

TEST(ServerStream, StopEndsOpenStreamsAtOnceAndInGoodOrder) {
  auto server = start_server(streaming<Waiting>(nullptr));
  RawConnection raw(server->port());
  raw.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_NE(raw.receive("tick").find("Transfer-Encoding: chunked"), std::string::npos);
  const auto start = steady_clock::now();
  server->stop(milliseconds(5000));
  EXPECT_LT(steady_clock::now() - start, milliseconds(1000));
  EXPECT_NE(raw.receive().find("0\r\n\r\n"), std::string::npos);
  EXPECT_TRUE(raw.closed());
}

TEST(ServerStream, AWakerMayOutliveItsServer) {
  std::function<void()> waker;
  auto server = start_server(streaming<Waiting>(&waker));
  RawConnection raw(server->port());
  raw.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  (void)raw.receive("tick");
  waker();
  EXPECT_NE(raw.receive("tick").find("tick"), std::string::npos);
  server.reset();
  waker();
  waker = nullptr;
}

TEST(ServerStream, WakesFromManyThreadsAreNotLost) {
  struct Counter final : StreamBody {
    explicit Counter(std::atomic<int>* count, std::function<void()>* waker) : count_(count), waker_(waker) {}
    void attach(std::function<void()> wake) override { *waker_ = std::move(wake); }
    Next read(std::string& out) override {
      const int now = *count_;
      out = fmt::format("at {}\n", now);
      return now == 400 ? Next::end : Next::wait;
    }
    std::atomic<int>* count_;
    std::function<void()>* waker_;
  };
  std::atomic<int> count{0};
  std::function<void()> waker;
  auto server = start_server(streaming<Counter>(&count, &waker));
  RawConnection raw(server->port());
  raw.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  (void)raw.receive("at 0\n");
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 100; ++i) {
        ++count;
        waker();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_NE(raw.receive("0\r\n\r\n").find("at 400\n"), std::string::npos);  // and not after the 15 s of a lost wake
}

TEST(ServerStream, IsPlainForHttp10AndAbsentForHead) {
  auto server = start_server(streaming<Waiting>(nullptr));
  RawConnection old(server->port());
  old.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  const std::string text = old.receive("tick");
  EXPECT_EQ(text.find("chunked"), std::string::npos);
  EXPECT_NE(text.find("\r\n\r\ntick\n"), std::string::npos);
  RawConnection head(server->port());
  head.send("HEAD / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  EXPECT_TRUE(head.receive().ends_with("\r\n\r\n"));
}

TEST(ServerStream, AStreamThatFailsIsSeenAsCutShort) {
  auto server = start_server(streaming<Broken>());
  RawConnection raw(server->port());
  raw.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  const std::string text = raw.receive();
  EXPECT_NE(text.find("begun"), std::string::npos);
  EXPECT_EQ(text.find("0\r\n\r\n"), std::string::npos);
}

TEST(ServerStream, AReaderThatStandsStillIsCutOff) {
  ServerOptions options;
  options.transfer_timeout = std::chrono::seconds(1);
  auto server = start_server(
      [&](Request&) {
        Response response;
        response.stream = std::make_unique<Endless>();
        return response;
      },
      options);
  RawConnection raw(server->port(), 4096);
  raw.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  std::this_thread::sleep_for(milliseconds(2600));
  const auto start = steady_clock::now();
  server->stop(milliseconds(3000));  // nothing is left that it would wait for
  EXPECT_LT(steady_clock::now() - start, milliseconds(1000));
}

TEST(ServerStream, AStreamGoesWhenItsReaderHasGone) {
  std::function<void()> waker;
  std::atomic<int> gone{0};
  auto server = start_server(streaming<Waiting>(&waker, &gone));
  RawConnection raw(server->port());
  raw.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  (void)raw.receive("tick");
  raw.abandon();
  for (int i = 0; i < 200 && gone == 0; ++i) {
    waker();
    std::this_thread::sleep_for(milliseconds(5));
  }
  EXPECT_EQ(gone, 1);
}

TEST(ServerStream, WaitingStreamsHoldNoThread) {
  ServerOptions options;
  options.handler_threads = 1;
  auto server = start_server(
      [](Request& request) {
        Response response = Response::text(200, "plain");
        if (request.path == "/s") response.stream = std::make_unique<Waiting>(nullptr);
        return response;
      },
      options);
  std::vector<std::unique_ptr<RawConnection>> readers;
  for (int i = 0; i < 50; ++i) {
    readers.push_back(std::make_unique<RawConnection>(server->port()));
    readers.back()->send("GET /s HTTP/1.1\r\nHost: x\r\n\r\n");
  }
  for (auto& reader : readers) EXPECT_NE(reader->receive("tick").find("tick"), std::string::npos);
  Client client;
  ClientRequest request;
  request.url = url_of(*server);
  request.timeout = milliseconds(1000);
  const auto answer = client.send(request);
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->body, "plain");
}

}  // namespace
}  // namespace millrace::net
