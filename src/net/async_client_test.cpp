#include "net/async_client.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <future>
#include <thread>

#include "base/file.h"

namespace millrace::net {
namespace {

using std::chrono::milliseconds;

// A server that accepts connections, reads a little of each request and gives `answer`, then closes or keeps silent.
class RawServer {
 public:
  enum class After { close, hang, repeat };
  RawServer(std::string answer, After after) : answer_(std::move(answer)), after_(after) {
    listener_ = Fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path().copy(address.sun_path, sizeof address.sun_path - 1);
    EXPECT_EQ(::bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(::listen(listener_.get(), 128), 0);
    thread_ = std::thread([this] { serve(); });
  }
  ~RawServer() {
    ending_ = true;
    ::shutdown(listener_.get(), SHUT_RDWR);
    thread_.join();
  }
  std::string path() const { return (dir_.path() / "s").string(); }
  int connections() const { return connections_; }

 private:
  void serve() {
    while (!ending_) {
      Fd peer(::accept(listener_.get(), nullptr, nullptr));
      if (!peer) return;
      ++connections_;
      char request[4096];
      (void)!::recv(peer.get(), request, sizeof request, 0);
      do {
        if (::send(peer.get(), answer_.data(), answer_.size(), MSG_NOSIGNAL) < 0) break;
      } while (after_ == After::repeat && !ending_);
      if (after_ == After::hang) held_.push_back(std::move(peer));
    }
  }
  TempDir dir_ = std::move(*TempDir::make());
  const std::string answer_;
  const After after_;
  std::atomic<bool> ending_{false};
  std::atomic<int> connections_{0};
  Fd listener_;
  std::vector<Fd> held_;
  std::thread thread_;
};

Result<ClientResponse> ask(AsyncClient& client, AsyncRequest request) {
  auto answer = std::make_shared<std::promise<Result<ClientResponse>>>();
  client.send(std::move(request), [answer](Result<ClientResponse> result) { answer->set_value(std::move(result)); });
  return answer->get_future().get();
}
AsyncRequest to(const std::string& socket, milliseconds timeout = milliseconds(5'000)) {
  AsyncRequest request;
  request.unix_socket = socket;
  request.timeout = timeout;
  request.max_body_bytes = 1u << 20;
  return request;
}

TEST(AsyncClient, GivesTheAnswer) {
  const RawServer server("HTTP/1.1 201 Created\r\nContent-Type: text/csv\r\nContent-Length: 3\r\n\r\nabc",
                         RawServer::After::hang);
  AsyncClient client;
  AsyncRequest request = to(server.path());
  request.method = "POST";
  request.body = "x";
  const auto answer = ask(client, request);
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->status, 201);
  EXPECT_EQ(answer->headers.get("content-type"), "text/csv");
  EXPECT_EQ(answer->body, "abc");
}

TEST(AsyncClient, ReachesALoopbackPort) {
  Fd listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  ASSERT_EQ(::bind(listener.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
  ASSERT_EQ(::listen(listener.get(), 1), 0);
  ASSERT_EQ(::getsockname(listener.get(), reinterpret_cast<sockaddr*>(&address), &size), 0);
  AsyncRequest request = to("");
  request.port = ntohs(address.sin_port);
  std::string asked(4'096, 0);
  std::thread server([&] {
    const Fd peer(::accept(listener.get(), nullptr, nullptr));
    asked.resize(static_cast<std::size_t>(std::max<ssize_t>(0, ::recv(peer.get(), asked.data(), asked.size(), 0))));
    const std::string_view text = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    (void)!::send(peer.get(), text.data(), text.size(), MSG_NOSIGNAL);
  });
  AsyncClient client;
  request.target = "/ping";
  const auto answer = ask(client, request);
  server.join();
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->body, "ok");
  EXPECT_TRUE(asked.starts_with("GET /ping HTTP/1.1\r\nHost: 127.0.0.1:" + std::to_string(request.port) + "\r\n"));
  listener.reset();
  EXPECT_EQ(ask(client, request).error().reason, "ConnectionRefused");
  request.port = 0;
  EXPECT_EQ(ask(client, request).error().code, Code::invalid_argument);
}

TEST(AsyncClient, SaysWhyThereIsNoAnswer) {
  struct Case {
    const char* name;
    std::string answer;
    RawServer::After after;
    Code code;
  };
  const std::string head = "HTTP/1.1 200 OK\r\n";
  std::string many;
  while (many.size() < (128u << 10)) many += "Name: value\r\n";
  for (const Case& c :
       {Case{"silent", "", RawServer::After::hang, Code::deadline_exceeded},
        Case{"half a head", head + "A: ", RawServer::After::hang, Code::deadline_exceeded},
        Case{"half a body", head + "Content-Length: 9\r\n\r\nabc", RawServer::After::hang, Code::deadline_exceeded},
        Case{"cut body", head + "Content-Length: 9\r\n\r\nabc", RawServer::After::close, Code::unavailable},
        Case{"closed", "", RawServer::After::close, Code::unavailable},
        Case{"no HTTP", "hello, this is no answer\r\n\r\n", RawServer::After::close, Code::data_loss},
        Case{"endless head", head + many, RawServer::After::hang, Code::resource_exhausted},
        Case{"endless interim answers", "HTTP/1.1 100 Continue\r\n\r\n", RawServer::After::repeat,
             Code::resource_exhausted},
        Case{"endless body", head + "\r\n" + std::string(4'096, 'x'), RawServer::After::repeat,
             Code::resource_exhausted}}) {
    const RawServer server(c.answer, c.after);
    AsyncClient client;
    const auto answer = ask(client, to(server.path(), milliseconds(c.after == RawServer::After::hang ? 200 : 5'000)));
    ASSERT_FALSE(answer) << c.name;
    EXPECT_EQ(answer.error().code, c.code) << c.name << ": " << answer.error().message;
  }
}

TEST(AsyncClient, NobodyListens) {
  AsyncClient client;
  const auto answer = ask(client, to("/nonexistent/socket"));
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().reason, "ConnectionRefused");
  AsyncRequest bad = to("/nonexistent/socket");
  bad.headers.add("X", "a\r\nY: b");
  EXPECT_EQ(ask(client, bad).error().code, Code::invalid_argument);
}

TEST(AsyncClient, OneHundredWaitSideBySideAndAStopEndsThem) {
  const RawServer server("", RawServer::After::hang);
  AsyncClient client;
  std::atomic<int> cancelled{0};
  for (int i = 0; i < 100; ++i) {
    client.send(to(server.path(), milliseconds(60'000)),
                [&](const Result<ClientResponse>& r) { cancelled += !r && r.error().code == Code::cancelled; });
  }
  while (server.connections() < 100) std::this_thread::yield();
  client.stop();
  EXPECT_EQ(cancelled, 100);
  EXPECT_EQ(ask(client, to(server.path())).error().code, Code::cancelled);
}

}  // namespace
}  // namespace millrace::net
