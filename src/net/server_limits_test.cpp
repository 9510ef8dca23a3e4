// What a server does with peers that are slow, wrong or gone.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <latch>
#include <mutex>
#include <random>
#include <stdexcept>
#include <thread>

#include "net/client.h"
#include "net/raw_connection_for_tests.h"
#include "net/tls.h"

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

RequestPlan in_memory(const Request&) { return {32u << 20, false}; }

// Bodies of any size, with a length or in chunks, and whether or not the client waits for "100 Continue".
TEST(ServerLimits, AHalfSentBodyHoldsNoThread) {
  ServerOptions options;
  options.handler_threads = 1;
  options.upload_threads = 1;
  options.request_plan = in_memory;
  auto server = start_server(echo, options);
  std::vector<std::unique_ptr<RawConnection>> slow;
  for (int i = 0; i < 60; ++i) {
    slow.push_back(std::make_unique<RawConnection>(server->port()));
    const std::string_view framing[] = {"Content-Length: 200000\r\n\r\n", "Transfer-Encoding: chunked\r\n\r\n30d40\r\n",
                                        "Content-Length: 200000\r\nExpect: 100-continue\r\n\r\n"};
    slow.back()->send(fmt::format("POST /slow HTTP/1.1\r\nHost: x\r\n{}{}", framing[i % 3], std::string(100'000, 'a')));
  }
  EXPECT_TRUE(still_answers(*server));
  for (const int i : {30, 31, 32}) {
    slow[i]->send(std::string(100'000, 'b'));
    if (i == 31) slow[i]->send("\r\n0\r\n\r\n");
    EXPECT_NE(slow[i]->receive("ab").find("POST /slow aaa"), std::string::npos);
  }
}

TEST(ServerLimits, OneBytePerWhileDoesNotKeepABodyOpen) {
  ServerOptions options;
  options.rate_window = std::chrono::seconds(1);
  options.min_body_rate = 1000;
  for (const bool streamed : {false, true}) {
    options.request_plan = [streamed](const Request&) { return RequestPlan{32u << 20, streamed}; };
    auto server = start_server(echo, options);
    RawConnection raw(server->port());
    raw.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 200000\r\n\r\n");
    const auto start = steady_clock::now();
    std::thread trickle([&] {
      while (since(start) < milliseconds(4000)) {
        raw.send("a");
        std::this_thread::sleep_for(milliseconds(50));
      }
    });
    (void)raw.receive();
    EXPECT_LT(since(start), milliseconds(3900)) << streamed;
    trickle.join();
  }
}

TEST(ServerLimits, OneBytePerWhileDoesNotKeepAHeadOpen) {
  ServerOptions options;
  options.header_timeout = std::chrono::seconds(1);
  auto server = start_server(echo, options);
  RawConnection raw(server->port());
  const auto start = steady_clock::now();
  std::thread trickle([&] {
    raw.send("GET / HTTP/1.1\r\nX: ");
    while (since(start) < milliseconds(4000)) {
      raw.send("a");
      std::this_thread::sleep_for(milliseconds(50));
    }
  });
  (void)raw.receive();
  EXPECT_LT(since(start), milliseconds(3900));
  trickle.join();
}

TEST(ServerLimits, BodiesInMemoryHaveALimitTogether) {
  ServerOptions options;
  options.request_plan = in_memory;
  options.max_buffered_bytes = 1u << 20;
  auto server = start_server(echo, options);
  std::vector<std::unique_ptr<RawConnection>> slow;
  int refused = 0;
  for (int i = 0; i < 8; ++i) {
    slow.push_back(std::make_unique<RawConnection>(server->port()));
    slow.back()->send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 900000\r\n\r\n" + std::string(400'000, 'a'));
  }
  for (auto& connection : slow) connection->send(std::string(500'000, 'b'));
  for (auto& connection : slow) {
    const int status = status_of(connection->receive("ab"));
    refused += status == 503 ? 1 : 0;
    EXPECT_TRUE(status == 503 || status == 200) << status;
  }
  EXPECT_GT(refused, 0);
  RawConnection small(server->port());
  small.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nsmall");
  EXPECT_NE(small.receive("small").find("POST / small"), std::string::npos);
  RawConnection later(server->port());
  later.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 900000\r\n\r\n" + std::string(900'000, 'c'));
  EXPECT_EQ(status_of(later.receive("cc")), 200) << "what was held has been given back";
}

TEST(ServerLimits, ABodyBeyondItsPlanIsRefusedByTheHandlerUnread) {
  ServerOptions options;
  options.request_plan = [](const Request&) { return RequestPlan{100'000, false}; };
  auto server = start_server(echo, options);
  for (const std::string_view framing :
       {"Content-Length: 300000\r\n\r\n", "Transfer-Encoding: chunked\r\n\r\n493e0\r\n",
        "Content-Length: 300000\r\nExpect: 100-continue\r\n\r\n"}) {
    RawConnection raw(server->port());
    raw.send(fmt::format("POST / HTTP/1.1\r\nHost: x\r\n{}", framing));
    raw.send(std::string(300'000, 'x'));
    const std::string text = raw.receive();
    EXPECT_EQ(status_of(text), 413) << text;
    EXPECT_NE(text.find("larger than 100000 bytes"), std::string::npos) << text;
    EXPECT_TRUE(raw.closed());
  }
}

TEST(ServerLimits, BrokenBodiesAreAnswered400) {
  ServerOptions options;
  options.request_plan = in_memory;
  std::atomic<int> handled{0};
  auto server = start_server(
      [&](Request&) {
        ++handled;
        return Response::text(200, "x");
      },
      options);
  const std::string long_field = "X: " + std::string(70'000, 'y') + "\r\n";
  for (const std::string& body : std::initializer_list<std::string>{
           "zz\r\n", "FFFFFFFFFFFFFFFF\r\nab", "10000000000000014\r\nab", "0x14\r\nab", " 5\r\nhello\r\n0\r\n\r\n",
           "5\nhello\n0\n\n", "5\r\nhelloxx0\r\n\r\n", "5;" + std::string(100'000, 'a') + "\r\nhello\r\n0\r\n\r\n",
           "0\r\n" + long_field + "\r\n", "0\r\nX y: 1\r\n\r\n", "0\r\n: 1\r\n\r\n", "0\r\nX\r\n\r\n"}) {
    RawConnection raw(server->port());
    raw.send("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + body);
    EXPECT_EQ(status_of(raw.receive()), 400) << body.substr(0, 40);
    EXPECT_TRUE(raw.closed());
  }
  RawConnection ended(server->port());
  ended.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nab");
  ended.end();
  EXPECT_EQ(status_of(ended.receive()), 400);
  EXPECT_EQ(handled, 0);
}

TEST(ServerLimits, TooManyFieldsAreRefused) {
  auto server = start_server(hello);
  std::string fields;
  for (int i = 0; i < 300; ++i) fields += fmt::format("X{}: \r\n", i);
  RawConnection raw(server->port());
  raw.send("GET / HTTP/1.1\r\nHost: x\r\n" + fields + "\r\n");
  EXPECT_EQ(status_of(raw.receive()), 431);
}

TEST(ServerLimits, GarbageBehindPipelinedRequestsCostsTheConnectionAlone) {
  auto server = start_server(hello);
  RawConnection raw(server->port());
  std::string text;
  for (int i = 0; i < 20; ++i) text += "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
  raw.send(text + "\x80\x81 what is this\r\n\r\nGET /never HTTP/1.1\r\nHost: x\r\n\r\n");
  const std::string answers = raw.receive();
  std::size_t good = 0, bad = 0;
  for (std::size_t at = 0; (at = answers.find("HTTP/1.1 200", at)) != std::string::npos; ++at) ++good;
  for (std::size_t at = 0; (at = answers.find("HTTP/1.1 400", at)) != std::string::npos; ++at) ++bad;
  EXPECT_EQ(good, 20u);
  EXPECT_EQ(bad, 1u);
  EXPECT_TRUE(raw.closed());
}

TEST(ServerLimits, AContinueThatIsNeverFollowedByABodyIsCutOff) {
  ServerOptions options;
  options.transfer_timeout = std::chrono::seconds(1);
  options.request_plan = in_memory;
  options.handler_threads = options.upload_threads = 1;
  auto server = start_server(echo, options);
  RawConnection raw(server->port());
  raw.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_NE(raw.receive("\r\n\r\n").find("100 Continue"), std::string::npos);
  EXPECT_TRUE(still_answers(*server));
  const auto start = steady_clock::now();
  EXPECT_EQ(raw.receive(), "");
  EXPECT_LT(since(start), milliseconds(4500));
}

TEST(ServerLimits, HalfTlsHandshakesAreCutOffAndHoldUpNobody) {
  const auto authority = make_certificate_authority("Test");
  const auto certificate = make_server_certificate(*authority, {"127.0.0.1"});
  ASSERT_TRUE(certificate);
  ServerOptions options;
  options.tls_certificate_pem = certificate->certificate_pem;
  options.tls_key_pem = certificate->key_pem;
  options.header_timeout = std::chrono::seconds(1);
  options.max_connections = 30;
  auto server = start_server(hello, options);
  std::vector<std::unique_ptr<RawConnection>> half;
  for (int i = 0; i < 60; ++i) {
    half.push_back(std::make_unique<RawConnection>(server->port()));
    half.back()->send(std::string_view("\x16\x03\x01\x02\x00\x01\x00", 7).substr(0, 1 + i % 7));
  }
  EXPECT_TRUE(still_answers(*server));
  const auto start = steady_clock::now();
  (void)half.back()->receive();
  EXPECT_LT(since(start), milliseconds(4500));
}

TEST(ServerLimits, ResetsInTheMidstCostNothing) {
  ServerOptions options;
  options.request_plan = [](const Request& head) { return RequestPlan{32u << 20, head.path == "/streamed"}; };
  auto server = start_server(echo, options);
  const std::string_view begun[] = {"G",
                                    "GET / HTTP/1.1\r\nHost: x\r\n",
                                    "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
                                    "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 200000\r\n\r\nab",
                                    "POST /streamed HTTP/1.1\r\nHost: x\r\nContent-Length: 200000\r\n\r\nab",
                                    "POST /streamed HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
                                    "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\r\n"};
  for (int i = 0; i < 300; ++i) {
    RawConnection raw(server->port());
    raw.send(begun[i % std::size(begun)]);
    raw.abandon();
  }
  EXPECT_TRUE(still_answers(*server));
  const auto start = steady_clock::now();
  server->stop(milliseconds(5000));  // nothing is left that it would wait for
  EXPECT_LT(since(start), milliseconds(2000));
}

TEST(ServerLimits, StopIsBoundedWhateverClientsDo) {
  ServerOptions options;
  options.request_plan = [](const Request& head) { return RequestPlan{32u << 20, head.path == "/streamed"}; };
  auto server = start_server(echo, options);
  std::vector<std::unique_ptr<RawConnection>> open;
  for (int i = 0; i < 40; ++i) {
    open.push_back(std::make_unique<RawConnection>(server->port()));
    const std::string_view begun[] = {"GET / HT", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 200000\r\n\r\nab",
                                      "POST /streamed HTTP/1.1\r\nHost: x\r\nContent-Length: 200000\r\n\r\nab",
                                      "POST /streamed HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\na"};
    open.back()->send(begun[i % 4]);
  }
  EXPECT_TRUE(still_answers(*server));
  const auto start = steady_clock::now();
  server->stop(milliseconds(200));
  EXPECT_LT(since(start), milliseconds(1800));
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

// Holds handlers until release().
class Gate {
 public:
  void enter() {
    std::unique_lock lock(mutex_);
    ++entered_;
    changed_.notify_all();
    changed_.wait(lock, [&] { return open_; });
  }
  void wait_for(int handlers) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return entered_ == handlers; });
  }
  void release() {
    const std::lock_guard lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int entered_ = 0;
  bool open_ = false;
};

TEST(ServerLimits, ANewConnectionTakesTheIdlestOnesPlace) {
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
  one_more.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(status_of(one_more.receive("hello")), 200);
  EXPECT_EQ(open[0]->receive(), "");
  EXPECT_TRUE(open[0]->closed());
  open[2]->send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(status_of(open[2]->receive("hello")), 200);
}

TEST(ServerLimits, HalfHeadsGiveWay) {
  ServerOptions options;
  options.max_connections = 8;
  auto server = start_server(hello, options);
  std::vector<std::unique_ptr<RawConnection>> half;
  for (int i = 0; i < 100; ++i) {
    half.push_back(std::make_unique<RawConnection>(server->port()));
    half.back()->send("GET / HTTP/1.1\r\nHost: x\r\nX: ");
  }
  EXPECT_TRUE(still_answers(*server));
}

TEST(ServerLimits, AConnectionBeyondTheLimitIsAnsweredWhenAllOthersWork) {
  ServerOptions options;
  options.max_connections = 2;
  Gate gate;
  auto server = start_server(
      [&](Request& request) {
        if (request.path == "/held") gate.enter();
        return Response::text(200, "hello");
      },
      options);
  RawConnection first(server->port()), second(server->port());
  first.send("GET /held HTTP/1.1\r\nHost: x\r\n\r\n");
  second.send("GET /held HTTP/1.1\r\nHost: x\r\n\r\n");
  gate.wait_for(2);
  RawConnection one_more(server->port());
  EXPECT_EQ(status_of(one_more.receive()), 503);
  EXPECT_TRUE(one_more.closed());
  gate.release();
  EXPECT_EQ(status_of(first.receive("hello")), 200);
  EXPECT_TRUE(still_answers(*server)) << "idle again, and so replaced";
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

// A connection whose request has not come yet is not mistaken for one that has ended, however many end meanwhile.
TEST(ServerLimits, ServesAConnectionAmongManyThatComeAndGo) {
  constexpr int kOthers = 3, kRounds = 20, kAtOnce = 25;
  auto server = start_server(hello);
  std::atomic<int> going = kOthers;
  std::vector<std::thread> others;
  for (int i = 0; i < kOthers; ++i) {
    others.emplace_back([&, i] {
      for (int round = 0; round < kRounds; ++round) {
        std::vector<std::unique_ptr<RawConnection>> some;
        for (int j = 0; j < kAtOnce; ++j) some.push_back(std::make_unique<RawConnection>(server->port()));
        for (auto& one : some) {
          one->send(i == 0 ? "GET / HT" : "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
          if (i == 2) one->abandon();
        }
      }
      --going;
    });
  }
  int unanswered = 0;
  do {
    RawConnection connection(server->port());
    std::this_thread::sleep_for(std::chrono::microseconds(300));
    connection.send("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    if (status_of(connection.receive()) != 200) ++unanswered;
  } while (going > 0);
  for (auto& other : others) other.join();
  EXPECT_EQ(unanswered, 0);
}

}  // namespace
}  // namespace millrace::net
