// Handlers of one kind of request, as many as its share takes, leave the others their threads.

#include <atomic>
#include <latch>
#include <thread>
#include <vector>

#include "net/raw_connection_for_tests.h"

namespace millrace::net {
namespace {

constexpr std::size_t kSlow = 0, kQuick = 1;

RequestPlan by_path(const Request& head) { return {1u << 20, false, head.path.starts_with("/slow") ? kSlow : kQuick}; }

std::unique_ptr<RawConnection> ask(const Server& server, std::string_view path) {
  auto connection = std::make_unique<RawConnection>(server.port());
  connection->send(fmt::format("GET {} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", path));
  return connection;
}

// Slow handlers wait until they are released; how many run at once is counted.
struct Handlers {
  std::latch released{1};
  std::atomic<int> running{0}, most{0}, ended{0};

  Response operator()(const Request& request) {
    if (!request.path.starts_with("/slow")) return Response::text(200, "quick");
    const int now = ++running;
    for (int seen = most; seen < now && !most.compare_exchange_weak(seen, now);) {
    }
    released.wait();
    --running;
    ++ended;
    return Response::text(200, "slow");
  }
};

ServerOptions two_shares(std::size_t slow, std::size_t quick) {
  ServerOptions options;
  options.shares = {slow, quick};
  options.request_plan = by_path;
  return options;
}

TEST(ServerShare, SlowHandlersLeaveTheOthersTheirThreads) {
  Handlers handlers;
  auto server = start_server([&](Request& request) { return handlers(request); }, two_shares(2, 1));
  std::vector<std::unique_ptr<RawConnection>> slow;
  for (int i = 0; i < 40; ++i) slow.push_back(ask(*server, "/slow"));
  for (int i = 0; i < 10; ++i) EXPECT_NE(ask(*server, "/quick")->receive().find("quick"), std::string::npos);
  EXPECT_EQ(handlers.ended, 0);
  handlers.released.count_down();
  for (const auto& connection : slow) EXPECT_NE(connection->receive().find("slow"), std::string::npos);
  EXPECT_EQ(handlers.ended, 40);
  EXPECT_LE(handlers.most, 2);
}

TEST(ServerShare, AStopEndsThoseThatWaitForAPlace) {
  Handlers handlers;
  auto server = start_server([&](Request& request) { return handlers(request); }, two_shares(1, 1));
  std::vector<std::unique_ptr<RawConnection>> slow;
  for (int i = 0; i < 5; ++i) slow.push_back(ask(*server, "/slow"));
  EXPECT_NE(ask(*server, "/quick")->receive().find("quick"), std::string::npos);
  std::thread release([&] {
    while (handlers.running == 0) std::this_thread::yield();
    handlers.released.count_down();
  });
  server->stop(std::chrono::milliseconds(0));
  release.join();
  EXPECT_LE(handlers.ended, 5);
  for (const auto& connection : slow) connection->receive();  // each ends: with an answer or without
}

TEST(ServerShare, ALimitIsReportedInTheWordsOfTheApi) {
  ServerOptions options = two_shares(1, 1);
  options.max_buffered_bytes = 1;
  options.unavailable = [](const Request& head, std::string_view message) {
    return Response::json(503, fmt::format(R"({{"path": "{}", "why": "{}"}})", head.path, message));
  };
  auto server = start_server(echo, options);
  RawConnection raw(server->port());
  raw.send("POST /quick HTTP/1.1\r\nHost: x\r\nContent-Length: 200000\r\n\r\n" + std::string(100'000, 'a'));
  const std::string answer = raw.receive();
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 503 ")) << answer;
  EXPECT_NE(answer.find(R"({"path": "/quick", "why": "The bodies of too many requests)"), std::string::npos) << answer;
}

}  // namespace
}  // namespace millrace::net
