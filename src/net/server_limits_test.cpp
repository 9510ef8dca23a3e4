// What a server does with peers that are slow, wrong or gone.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <atomic>
#include <latch>
#include <random>
#include <stdexcept>
#include <thread>

#include "net/client.h"
#include "net/raw_connection_for_tests.h"

namespace millrace::net {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

Response hello(Request&) { return Response::text(200, "hello"); }

milliseconds since(steady_clock::time_point start) {
  return std::chrono::duration_cast<milliseconds>(steady_clock::now() - start);
}

int status_of(const std::string& answer) {
  return answer.size() > 12 && answer.starts_with("HTTP/1.1 ") ? std::atoi(answer.c_str() + 9) : 0;
}

bool still_answers(const Server& server) {
  Client client;
  ClientRequest request;
  request.url = url_of(server);
  request.timeout = milliseconds(2000);
  const auto answer = client.send(request);
  return answer && answer->status == 200;
}

TEST(ServerLimits, RefusesWhatIsAmbiguous) {
  auto server = start_server(echo);
  const std::pair<std::string_view, int> rows[] = {
      {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\nabc", 501},
      {"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501},
      {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: +1\r\n\r\na", 400},
      {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\na", 400},
      {"GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\n\r\n", 400},
      {"GET nowhere HTTP/1.1\r\nHost: x\r\n\r\n", 400},
      {"CONNECT x:443 HTTP/1.1\r\nHost: x\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost: x\r\nA : b\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost: x\r\nA\x01: b\r\n\r\n", 400},
      {"GET / HTTP/2.0\r\nHost: x\r\n\r\n", 400},
      {"GET  / HTTP/1.1\r\nHost: x\r\n\r\n", 400},
      {"\x80\x81\x82\x83\r\n\r\n", 400},
      {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400},
  };
  for (const auto& [text, status] : rows) {
    RawConnection raw(server->port());
    raw.send(text);
    EXPECT_EQ(status_of(raw.receive()), status) << text;
    EXPECT_TRUE(raw.closed()) << text;
  }
}

TEST(ServerLimits, ChunksMayHaveExtensionsAndTrailers) {
  auto server = start_server(echo);
  RawConnection raw(server->port());
  raw.send(
      "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3;a=b\r\nabc\r\n02\r\nde\r\n0\r\nX-Sum: "
      "1\r\n\r\n");
  EXPECT_NE(raw.receive("abcde").find("POST / abcde"), std::string::npos);
  raw.send("GET /next HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_NE(raw.receive("/next").find("GET /next"), std::string::npos);
}

TEST(ServerLimits, AnUnreadBodyIsNotTakenForTheNextRequest) {
  auto server = start_server(hello);
  for (const std::string_view head : {"Content-Length: 31\r\n\r\n", "Transfer-Encoding: chunked\r\n\r\n1f\r\n"}) {
    RawConnection raw(server->port());
    raw.send(fmt::format("POST / HTTP/1.1\r\nHost: x\r\n{}GET /evil HTTP/1.1\r\nHost: x\r\n\r\n", head));
    if (head.starts_with("Tr")) raw.send("\r\n0\r\n\r\n");
    raw.send("GET /last HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    const std::string text = raw.receive();
    std::size_t answers = 0;
    for (std::size_t at = 0; (at = text.find("HTTP/1.1 200", at)) != std::string::npos; ++at) ++answers;
    EXPECT_EQ(answers, 2u) << text;
  }
}

// Without care the kernel resets the connection and the peer never learns why it was refused.
TEST(ServerLimits, ARefusedUploadIsToldWhy) {
  ServerOptions options;
  options.max_body_bytes = 100u << 20;
  auto server = start_server([](Request&) { return Response::text(403, "no such key"); }, options);
  for (const std::size_t size : {10u << 20, 200u << 20}) {  // refused by the handler; refused before it
    RawConnection raw(server->port());
    raw.send(fmt::format("PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n", size));
    raw.send(std::string(10u << 20, 'x'));
    const std::string text = raw.receive();
    EXPECT_EQ(status_of(text), size > options.max_body_bytes ? 413 : 403);
    EXPECT_NE(text.find("Connection: close"), std::string::npos);
    EXPECT_FALSE(raw.reset());
  }
}

TEST(ServerLimits, ABodyThatTricklesInTakesNoHandlerThread) {
  ServerOptions options;
  options.handler_threads = 1;
  auto server = start_server(echo, options);
  std::vector<std::unique_ptr<RawConnection>> slow;
  for (int i = 0; i < 20; ++i) {
    slow.push_back(std::make_unique<RawConnection>(server->port()));
    slow.back()->send("POST /slow HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nab");
  }
  std::this_thread::sleep_for(milliseconds(30));
  EXPECT_TRUE(still_answers(*server));
  slow[7]->send("cde");
  EXPECT_NE(slow[7]->receive("abcde").find("abcde"), std::string::npos);
}

TEST(ServerLimits, PeersThatStandStillAreCutOff) {
  ServerOptions options;
  options.header_timeout = options.idle_timeout = options.transfer_timeout = std::chrono::seconds(1);
  std::atomic<bool> body_failed{false};
  auto server = start_server(
      [&](Request& request) {
        if (request.path == "/body") body_failed = !request.body->read_all(1u << 20);
        return Response::text(200, "x");
      },
      options);
  RawConnection silent(server->port()), half_head(server->port()), half_body(server->port()), idle(server->port());
  half_head.send("GET / HTTP/1.1\r\nHo");
  half_body.send("POST /body HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab");
  idle.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(status_of(idle.receive("\r\n\r\nx")), 200);
  const auto start = steady_clock::now();
  EXPECT_EQ(silent.receive(), "");
  EXPECT_EQ(half_head.receive(), "");
  (void)half_body.receive();
  EXPECT_EQ(idle.receive(), "");
  EXPECT_LT(since(start), milliseconds(4500));
  server.reset();  // the handler has returned
  EXPECT_TRUE(body_failed);
}

TEST(ServerLimits, ConnectionsBeyondTheLimitAreTurnedAway) {
  ServerOptions options;
  options.max_connections = 3;
  auto server = start_server(hello, options);
  std::vector<std::unique_ptr<RawConnection>> open;
  for (int i = 0; i < 3; ++i) {
    open.push_back(std::make_unique<RawConnection>(server->port()));
    open.back()->send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_EQ(status_of(open.back()->receive("hello")), 200);
  }
  RawConnection one_more(server->port());
  EXPECT_EQ(status_of(one_more.receive()), 503);
  open.pop_back();
  bool answered = false;  // once the server has seen the other end close
  for (int i = 0; i < 100 && !answered; ++i) {
    answered = still_answers(*server);
    if (!answered) std::this_thread::sleep_for(milliseconds(10));
  }
  EXPECT_TRUE(answered);
}

TEST(ServerLimits, AHandlerThatThrowsCostsOneAnswer) {
  auto server = start_server([](Request& request) {
    if (request.path == "/throw") throw std::runtime_error("deliberate, from a test");
    return Response::text(200, "x");
  });
  RawConnection raw(server->port());
  raw.send("GET /throw HTTP/1.1\r\nHost: x\r\n\r\n");
  const std::string text = raw.receive("log says why");
  EXPECT_EQ(status_of(text), 500);
  EXPECT_EQ(text.find("deliberate"), std::string::npos);
  raw.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(status_of(raw.receive("\r\n\r\nx")), 200);
}

TEST(ServerLimits, APeerThatAbandonsAFileHurtsNobody) {
  auto directory = TempDir::make();
  ASSERT_TRUE(directory);
  const std::string path = directory->path() / "f";
  ASSERT_TRUE(write_file(path, std::string(20u << 20, 'f')));
  auto server = start_server([&](Request& request) {
    Response response = Response::text(200, "x");
    if (request.path == "/") return response;
    response.file =
        FileBody{Fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC)), 0, request.path == "/long" ? 30u << 20 : 20u << 20};
    return response;
  });
  for (int i = 0; i < 10; ++i) {
    RawConnection raw(server->port());
    raw.send("GET /f HTTP/1.1\r\nHost: x\r\n\r\n");
    (void)raw.receive("ffff");
    raw.abandon();
  }
  // A file that became shorter than was said: the peer must not take it for whole.
  Client client;
  ClientRequest request;
  request.url = url_of(*server, "/long");
  EXPECT_FALSE(client.send(request));
  EXPECT_TRUE(still_answers(*server));
}

TEST(ServerLimits, AnswersHttp10AsItExpects) {
  auto server = start_server(hello);
  RawConnection raw(server->port());
  raw.send("GET / HTTP/1.0\r\n\r\n");
  EXPECT_EQ(status_of(raw.receive()), 200);
  EXPECT_TRUE(raw.closed());
  RawConnection kept(server->port());
  kept.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  EXPECT_NE(kept.receive("hello").find("Connection: keep-alive"), std::string::npos);
  kept.send("GET / HTTP/1.0\r\n\r\n");
  EXPECT_EQ(status_of(kept.receive()), 200);
}

TEST(ServerLimits, AHundredPipelinedRequestsInPieces) {
  auto server = start_server(echo);
  std::string text;
  for (int i = 0; i < 100; ++i)
    text += fmt::format("POST /{} HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n{}", i, i,
                        std::string(static_cast<std::size_t>(i), 'b'));
  text += "GET /end HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
  RawConnection raw(server->port());
  std::thread sender([&] {
    for (std::size_t at = 0; at < text.size(); at += 777) raw.send(std::string_view(text).substr(at, 777));
  });
  const std::string answer = raw.receive();
  sender.join();
  std::size_t at = 0;
  for (int i = 0; i < 100; ++i) {
    at = answer.find(fmt::format("POST /{} {}", i, std::string(static_cast<std::size_t>(i), 'b')), at);
    ASSERT_NE(at, std::string::npos) << i;
  }
  EXPECT_NE(answer.find("GET /end", at), std::string::npos);
}

TEST(ServerLimits, SurvivesWhateverIsSent) {
  ServerOptions options;
  options.max_header_bytes = 4096;
  auto server = start_server(echo, options);
  const std::string good =
      "POST /path?q=1 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nExpect: "
      "100-continue\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
  std::mt19937 random(3);
  for (int i = 0; i < 400; ++i) {
    std::string text = good;
    for (auto changes = 1 + random() % 4; changes > 0; --changes) {
      switch (random() % 3) {
        case 0:
          text[random() % text.size()] = static_cast<char>(random());
          break;
        case 1:
          text.erase(random() % text.size(), random() % 8);
          if (text.empty()) text = "x";
          break;
        default:
          text.insert(random() % text.size(), good.substr(random() % good.size(), random() % 20));
      }
    }
    if (text[0] == '\x16') text[0] = 'x';
    RawConnection raw(server->port());
    raw.send(text);
    raw.abandon();
  }
  EXPECT_TRUE(still_answers(*server));
}

TEST(ServerLimits, AUnixSocketTakesNobodysPlace) {
  auto directory = TempDir::make();
  ASSERT_TRUE(directory);
  ServerOptions options;
  options.unix_socket = directory->path() / "s";
  ASSERT_TRUE(write_file(options.unix_socket, "precious"));
  auto refused = Server::start(options, hello);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::failed_precondition);
  EXPECT_EQ(*read_file(options.unix_socket), "precious");

  options.unix_socket = directory->path() / "t";
  {
    auto server = start_server(hello, options);
    struct stat info{};
    ASSERT_EQ(::stat(options.unix_socket.c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 0777u, 0600u);
    EXPECT_FALSE(Server::start(options, hello));
    // What a killed server leaves behind.
    ASSERT_EQ(::link(options.unix_socket.c_str(), (options.unix_socket + "2").c_str()), 0);
  }
  options.unix_socket += "2";
  EXPECT_TRUE(Server::start(options, hello));
  options.unix_socket = std::string(200, 'x');
  EXPECT_EQ(Server::start(options, hello).error().code, Code::invalid_argument);
}

TEST(ServerLimits, SaysWhatIsWrongWithItsOptions) {
  ServerOptions options;
  options.address = "not.an.address";
  EXPECT_EQ(Server::start(options, hello).error().message, "not.an.address is not an IP address");
  options.address = "192.0.2.1";  // TEST-NET: nobody's
  EXPECT_EQ(Server::start(options, hello).error().code, Code::failed_precondition);
  options.address = "localhost";
  EXPECT_TRUE(Server::start(options, hello));
}

}  // namespace
}  // namespace millrace::net
