#include "net/client.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <thread>

#include "net/raw_connection_for_tests.h"

namespace millrace::net {
namespace {

using std::chrono::milliseconds;

ClientRequest get(const Server& server, std::string_view path = "/") {
  ClientRequest request;
  request.url = url_of(server, path);
  return request;
}

TEST(Client, SendsTheUrlAsItIs) {
  auto server = start_server(echo);
  Client client;
  for (const std::string_view path : {"/a/../b/./c//d%2F%2e%20?x=%7e&y=a+b&z", "/%", "/é", "/a%2fb/"}) {
    const auto answer = client.send(get(*server, path));
    ASSERT_TRUE(answer) << answer.error().message;
    EXPECT_EQ(answer->body, fmt::format("GET {} ", path));
  }
}

TEST(Client, SendsItsFieldsAndNoneOfItsOwn) {
  auto server = start_server([](Request& request) {
    std::string text;
    for (const auto& [name, value] : request.headers.fields()) text += name + "=" + value + ";";
    Response response = Response::text(200, text);
    response.headers.add("X-Two", "1");
    response.headers.add("X-Two", "2");
    return response;
  });
  Client client;
  ClientRequest request = get(*server);
  request.method = "POST";
  request.body = "12";
  request.headers.add("X-Empty", "");
  request.headers.add("X-A", "b");
  const auto answer = client.send(request);
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->body, fmt::format("Host=127.0.0.1:{};X-Empty=;X-A=b;Content-Length=2;", server->port()));
  EXPECT_EQ(answer->headers.all("x-two").size(), 2u);
  request.headers.add("X-Bad", "a\r\nX-Forged: 1");
  EXPECT_EQ(client.send(request).error().code, Code::invalid_argument);
}

TEST(Client, StreamsFromAFileAndIntoASink) {
  auto directory = TempDir::make();
  ASSERT_TRUE(directory);
  std::string content;
  for (int i = 0; i < 300'000; ++i) content += fmt::format("{} ", i);
  ASSERT_TRUE(write_file(directory->path() / "f", content));
  auto server = start_server([](Request& request) {
    auto body = request.body->read_all(64u << 20);
    return Response::text(request.path == "/bad" ? 400 : 200, body.value_or("?"));
  });
  Client client;
  ClientRequest request = get(*server, "/ok");
  request.method = "PUT";
  request.body_file = directory->path() / "f";
  std::string received;
  request.sink = [&](std::string_view bytes) {
    received += bytes;
    return true;
  };
  auto answer = client.send(request);
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->body, "");
  EXPECT_EQ(received, content);
  // An error's text is for the caller, not for the sink.
  received.clear();
  request.url = url_of(*server, "/bad");
  answer = client.send(request);
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->body.size(), content.size());
  EXPECT_EQ(received, "");
  request.url = url_of(*server, "/ok");
  request.sink = [](std::string_view) { return false; };
  EXPECT_EQ(client.send(request).error().code, Code::cancelled);
  request.body_file = directory->path() / "none";
  EXPECT_EQ(client.send(request).error().code, Code::not_found);
}

TEST(Client, ErrorsAreToldApartAndHideSignatures) {
  auto server = start_server([](Request& request) {
    if (request.path == "/slow") std::this_thread::sleep_for(milliseconds(400));
    return Response::text(200, std::string(5000, 'x'));
  });
  Client client;
  ClientRequest request = get(*server, "/slow?X-Amz-Signature=topsecret");
  request.timeout = milliseconds(100);
  auto answer = client.send(request);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, Code::deadline_exceeded);
  EXPECT_EQ(answer.error().message.find("topsecret"), std::string::npos);
  request = get(*server);
  request.max_response_bytes = 4999;
  answer = client.send(request);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, Code::resource_exhausted);
  request.url = url_of(*server, "/a b");
  EXPECT_EQ(client.send(request).error().code, Code::invalid_argument);
  request.url = "ftp://127.0.0.1/";
  EXPECT_EQ(client.send(request).error().code, Code::invalid_argument);
  request = get(*server);
  server.reset();
  answer = client.send(request);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, Code::unavailable);
  EXPECT_EQ(answer.error().reason, "ConnectionRefused");
}

TEST(Client, FollowsNoRedirect) {
  auto server = start_server([](Request&) {
    Response response = Response::text(307, "");
    response.headers.add("Location", "/elsewhere");
    return response;
  });
  Client client;
  const auto answer = client.send(get(*server));
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 307);
  EXPECT_EQ(answer->headers.get("location"), "/elsewhere");
}

TEST(Client, GoesOnWhenAKeptConnectionWasClosed) {
  std::uint16_t port = 0;
  Client client;
  ClientRequest request;
  request.method = "POST";
  request.body = "again";
  for (int i = 0; i < 3; ++i) {
    ServerOptions options;
    options.port = port;
    auto server = start_server(echo, options);
    port = server->port();
    request.url = url_of(*server);
    const auto answer = client.send(request);
    ASSERT_TRUE(answer) << answer.error().message;
    EXPECT_EQ(answer->body, "POST / again");
  }
}

TEST(Client, AsksNoProxyForItsOwnMachine) {
  auto server = start_server(echo);
  ::setenv("http_proxy", "http://127.0.0.1:1", 1);
  Client client;
  const auto answer = client.send(get(*server));
  ::unsetenv("http_proxy");
  EXPECT_TRUE(answer) << answer.error().message;
}

TEST(Client, IsUsedByManyThreads) {
  ServerOptions options;
  options.handler_threads = 4;
  auto server = start_server(echo, options);
  Client client;
  std::atomic<int> good{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 50; ++i) {
        ClientRequest request = get(*server, fmt::format("/{}/{}", t, i));
        request.method = "POST";
        request.body = std::string(static_cast<std::size_t>(i * 700), 'x');
        const auto answer = client.send(request);
        if (answer && answer->body == fmt::format("POST /{}/{} {}", t, i, request.body)) ++good;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(good, 400);
}

}  // namespace
}  // namespace millrace::net
