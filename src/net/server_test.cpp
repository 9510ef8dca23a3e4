#include "net/server.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>

#include <fmt/core.h>

#include "base/file.h"
#include "net/client.h"
#include "net/raw_connection_for_tests.h"
#include "net/tls.h"

namespace millrace::net {
namespace {

using Raw = RawConnection;

TEST(Server, AnswersOverKeptConnections) {
  auto server = start_server(echo);
  Client client;
  for (int i = 0; i < 3; ++i) {
    ClientRequest request;
    request.method = "POST";
    request.url = url_of(*server, "/a%2Fb?x=1");
    request.body = "hello";
    const auto answer = client.send(request);
    ASSERT_TRUE(answer) << answer.error().message;
    EXPECT_EQ(answer->status, 200);
    EXPECT_EQ(answer->body, "POST /a%2Fb?x=1 hello");
    EXPECT_TRUE(answer->headers.has("Date"));
  }
}

TEST(Server, AnswersPipelinedRequestsInOrder) {
  auto server = start_server(echo);
  Raw raw(server->port());
  raw.send(
      "GET /1 HTTP/1.1\r\nHost: x\r\n\r\nPOST /2 HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabcGET /3 "
      "HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  const std::string text = raw.receive();
  const auto first = text.find("GET /1 "), second = text.find("POST /2 abc"), third = text.find("GET /3 ");
  ASSERT_NE(third, std::string::npos) << text;
  EXPECT_LT(first, second);
  EXPECT_LT(second, third);
}

TEST(Server, ReadsChunkedBodiesAndSendsContinueOnlyWhenTheBodyIsWanted) {
  auto server = start_server(
      [](Request& request) { return request.path == "/refuse" ? Response::text(403, "no") : echo(request); });
  Raw raw(server->port());
  raw.send("PUT /x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_NE(raw.receive("\r\n\r\n").find("100 Continue"), std::string::npos);
  raw.send("5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n");
  EXPECT_NE(raw.receive("hello world").find("PUT /x hello world"), std::string::npos);

  Raw refused(server->port());
  refused.send("PUT /refuse HTTP/1.1\r\nHost: x\r\nContent-Length: 99999\r\nExpect: 100-continue\r\n\r\n");
  const std::string text = refused.receive();
  EXPECT_EQ(text.find("100 Continue"), std::string::npos);
  EXPECT_NE(text.find("403 Forbidden"), std::string::npos);
  EXPECT_NE(text.find("Connection: close"), std::string::npos);
}

TEST(Server, SendsFilesRangesAndHeads) {
  auto directory = TempDir::make();
  ASSERT_TRUE(directory);
  const std::string content(3u << 20, 'x');
  ASSERT_TRUE(write_file(directory->path() / "f", "0123" + content));
  auto server = start_server([&](Request&) {
    Response response;
    auto fd = Fd(::open((directory->path() / "f").c_str(), O_RDONLY | O_CLOEXEC));
    response.file = FileBody{std::move(fd), 4, content.size()};
    return response;
  });
  Client client;
  ClientRequest request;
  request.url = url_of(*server, "/");
  auto answer = client.send(request);
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->body, content);
  request.method = "HEAD";
  answer = client.send(request);
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->body, "");
  EXPECT_EQ(answer->headers.get("content-length"), std::to_string(content.size()));
}

class Ticker final : public StreamBody {
 public:
  void attach(std::function<void()> wake) override {
    thread_ = std::thread([this, wake] {
      for (int i = 0; i < 3; ++i) {
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
        ++ready_;
        wake();
      }
    });
  }
  ~Ticker() override { thread_.join(); }
  Next read(std::string& out) override {
    while (sent_ < ready_) out += fmt::format("tick {}\n", ++sent_);
    return sent_ == 3 ? Next::end : Next::wait;
  }

 private:
  std::atomic<int> ready_{0};
  int sent_ = 0;
  std::thread thread_;
};

TEST(Server, StreamsWhatIsWokenFor) {
  auto server = start_server([](Request&) {
    Response response;
    response.stream = std::make_unique<Ticker>();
    return response;
  });
  Client client;
  ClientRequest request;
  request.url = url_of(*server, "/");
  const auto answer = client.send(request);
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->body, "tick 1\ntick 2\ntick 3\n");
}

TEST(Server, SpeaksTlsAndPlainOnOnePort) {
  const auto authority = make_certificate_authority("Test");
  ASSERT_TRUE(authority) << authority.error().message;
  const auto certificate = make_server_certificate(*authority, {"localhost", "127.0.0.1"});
  ASSERT_TRUE(certificate) << certificate.error().message;
  ServerOptions options;
  options.tls_certificate_pem = certificate->certificate_pem;
  options.tls_key_pem = certificate->key_pem;
  auto server = start_server(
      [](Request& request) {
        auto body = request.body->read_all(1u << 20);
        return Response::text(200, (request.tls ? "tls " + request.tls_version + " " : "plain ") + body.value_or("?"));
      },
      options);
  Client client;
  ClientRequest request;
  request.method = "POST";
  request.body = std::string(100'000, 'b');
  request.url = url_of(*server, "/");
  auto answer = client.send(request);
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->body, "plain " + request.body);
  request.url = fmt::format("https://127.0.0.1:{}/", server->port());
  request.ca_pem = authority->certificate_pem;
  answer = client.send(request);
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->body, "tls 1.3 " + request.body);
  request.ca_pem = make_certificate_authority("Other")->certificate_pem;
  answer = client.send(request);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, Code::unauthenticated);
}

TEST(Server, IdleClientsHoldNoThread) {
  ServerOptions options;
  options.handler_threads = 2;
  auto server = start_server(echo, options);
  std::vector<std::unique_ptr<Raw>> idle;
  for (int i = 0; i < 200; ++i) idle.push_back(std::make_unique<Raw>(server->port()));
  Client client;
  ClientRequest request;
  request.url = url_of(*server, "/");
  request.timeout = std::chrono::milliseconds(2000);
  EXPECT_TRUE(client.send(request));
}

TEST(Server, RefusesWhatIsNotHttpAndWhatIsTooLarge) {
  ServerOptions options;
  options.max_header_bytes = 2048;
  options.max_body_bytes = 10;
  options.max_connections = 100;
  auto server = start_server(echo, options);
  for (const auto& [sent, status] : std::vector<std::pair<std::string, std::string>>{
           {"nonsense\r\n\r\n", " 400 "},
           {"GET / HTTP/1.1\r\nX: " + std::string(4000, 'y') + "\r\n\r\n", " 431 "},
           {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 11\r\n\r\n", " 413 "},
           {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", " 400 "},
           {"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", " 413 "},
       }) {
    Raw raw(server->port());
    raw.send(sent);
    EXPECT_NE(raw.receive().find(status), std::string::npos) << sent.substr(0, 40);
  }
}

TEST(Server, APortInUseIsSaid) {
  auto server = start_server(echo);
  ServerOptions options;
  options.port = server->port();
  const auto second = Server::start(options, echo);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Code::failed_precondition);
  EXPECT_NE(second.error().message.find("is in use"), std::string::npos);
}

TEST(Server, AResponseFieldCannotForgeAnother) {
  auto server = start_server([](Request&) {
    Response response = Response::text(200, "x");
    response.headers.add("X-Stored", "a\r\nSet-Cookie: b");
    return response;
  });
  Raw raw(server->port());
  raw.send("GET / HTTP/1.0\r\n\r\n");
  EXPECT_EQ(raw.receive().find("Set-Cookie"), std::string::npos);
}

TEST(Server, StopLetsARequestInFlightEnd) {
  std::mutex mutex;
  std::condition_variable changed;
  bool entered = false;
  auto server = start_server([&](Request&) {
    {
      const std::lock_guard lock(mutex);
      entered = true;
    }
    changed.notify_one();
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    return Response::text(200, "done");
  });
  Raw raw(server->port());
  raw.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return entered; });
  }
  server->stop(std::chrono::milliseconds(2000));
  EXPECT_NE(raw.receive().find("done"), std::string::npos);
}

TEST(Server, ListensOnAUnixSocket) {
  auto directory = TempDir::make();
  ServerOptions options;
  options.unix_socket = directory->path() / "s";
  auto server = start_server(echo, options);
  Client client;
  ClientRequest request;
  request.url = "http://localhost/path";
  request.unix_socket = options.unix_socket;
  const auto answer = client.send(request);
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->body, "GET /path ");
}

}  // namespace
}  // namespace millrace::net
