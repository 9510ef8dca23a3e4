#include "pipelines/api/waiting_requests.h"

#include <gtest/gtest.h>

#include <chrono>
#include <condition_variable>
#include <future>
#include <mutex>
#include <vector>

#include "net/later_for_tests.h"
#include "net/server.h"
#include "pipelines/world_for_tests.h"

namespace millrace::pipelines {
namespace {

TEST(WaitingRequests, AreThoseThatCreateFromAUrlAndThatDeleteARun) {
  const auto handles = [](const char* method, const char* path) {
    net::Request request;
    request.method = method;
    request.path = path;
    return api::creates_from_url(request);
  };
  EXPECT_TRUE(handles("POST", "/apis/v2beta1/pipelines/create"));
  EXPECT_TRUE(handles("POST", "/apis/v2beta1/pipelines/create/"));
  EXPECT_TRUE(handles("POST", "/apis/v2beta1/pipelines/p/versions"));
  EXPECT_TRUE(handles("POST", "/apis/v1beta1/pipelines"));
  EXPECT_TRUE(handles("POST", "/apis/v1beta1/pipeline_versions"));
  EXPECT_FALSE(handles("GET", "/apis/v2beta1/pipelines/p/versions"));
  EXPECT_FALSE(handles("POST", "/apis/v2beta1/pipelines"));
  EXPECT_FALSE(handles("POST", "/apis/v2beta1/pipelines/upload"));
  EXPECT_FALSE(handles("POST", "/apis/v2beta1/runs"));
  net::Request request;
  request.method = "DELETE";
  request.path = "/apis/v2beta1/runs/r-1";
  EXPECT_EQ(api::deleted_run(request), "r-1");
  request.path = "/apis/v1beta1/runs/r-1/";
  EXPECT_EQ(api::deleted_run(request), "r-1");
  request.path = "/apis/v2beta1/runs";
  EXPECT_EQ(api::deleted_run(request), "");
  request.method = "GET";
  request.path = "/apis/v2beta1/runs/r-1";
  EXPECT_EQ(api::deleted_run(request), "");
}

TEST(WaitingRequests, HaveThreadsAndAQueueOfTheirOwn) {
  std::mutex mutex;
  std::condition_variable changed;
  bool open = false;
  constexpr std::size_t kThreads = 4, kQueue = 10;
  api::WaitingRequests requests({kThreads, kQueue, "busy"});
  const auto answer = [&](net::Request& request) {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return open; });
    return net::Response::text(200, *request.body->read_all(100));
  };
  std::vector<std::future<net::Response>> answers;
  const auto send = [&](std::string text) {
    const auto body = net::body_from_string(std::move(text));
    net::Request request;
    request.body = body.get();
    answers.push_back(net::settle(requests.handle(request, answer)));
  };
  for (std::size_t i = 0; i < kThreads; ++i) send(std::to_string(i));
  // Until each thread has taken its request, it counts as waiting.
  while (answers.size() < kThreads + kQueue) {
    send(std::to_string(answers.size()));
    if (answers.back().wait_for(std::chrono::milliseconds(1)) == std::future_status::ready) answers.pop_back();
  }
  send("one more");
  EXPECT_EQ(answers.back().get().status, 503);
  answers.pop_back();
  {
    const std::lock_guard lock(mutex);
    open = true;
  }
  changed.notify_all();
  for (std::size_t i = 0; i < answers.size(); ++i) EXPECT_EQ(answers[i].get().body, std::to_string(i));
}

TEST(WaitingRequests, APeerThatNeverAnswersHoldsUpNeitherOthersNorTheEnd) {
  auto silent = net::Server::start({}, [](net::Request&) {
    net::Response response;
    response.later = [kept = std::make_shared<std::vector<net::Completion>>()](const net::Completion& completion) {
      kept->push_back(completion);
    };
    return response;
  });
  ASSERT_TRUE(silent);
  World world;
  const std::string url = fmt::format("http://127.0.0.1:{}/p.json", (*silent)->port());
  net::Request request;
  request.method = "POST";
  request.path = request.target = "/apis/v2beta1/pipelines/create";
  request.headers.set("Content-Type", "application/json");
  std::vector<std::future<net::Response>> answers;
  for (int i = 0; i < 4; ++i) {
    const auto body = net::body_from_string(to_json(Value::object(
        {{"pipeline", Value::object({{"display_name", fmt::format("p{}", i)}})},
         {"pipeline_version", Value::object({{"package_url", Value::object({{"pipeline_url", url}})}})}})));
    request.body = body.get();
    answers.push_back(net::settle(world.pipelines().handle(request)));
  }
  EXPECT_EQ(world.get("/apis/v2beta1/healthz").status, 200);
  const auto start = std::chrono::steady_clock::now();
  world.close();
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(5));
  for (auto& answer : answers) EXPECT_NE(answer.get().status, 200);
}

}  // namespace
}  // namespace millrace::pipelines
