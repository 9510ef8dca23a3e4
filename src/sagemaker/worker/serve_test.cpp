#include <poll.h>
#include <signal.h>
#include <sys/inotify.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <thread>

#include "base/file.h"
#include "net/client.h"
#include "sagemaker/worker/worker_fixture.h"

namespace millrace::sagemaker::worker {
namespace {

// The role in a process of its own, as in life.
class ServeTest : public WorkerTest {
 protected:
  void TearDown() override {
    if (child_ > 0) end();
  }
  void start() {
    child_ = ::fork();
    if (child_ == 0) ::_exit(serve_main({(ml() / "model").string(), "kmeans", socket()}));
  }
  void start_for_several() {
    child_ = ::fork();
    if (child_ == 0) ::_exit(serve_main({(ml() / "models").string(), "kmeans", socket(), "multi"}));
  }
  std::string socket() const { return (root() / "socket").string(); }
  int end() {
    ::kill(child_, SIGTERM);
    int status = -1;
    ::waitpid(child_, &status, 0);
    child_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }
  net::ClientResponse send(std::string method, std::string path, std::string body = {}, std::string content_type = {},
                           std::string accept = {}) {
    net::ClientRequest request;
    request.method = std::move(method);
    request.url = "http://localhost" + path;
    request.unix_socket = socket();
    request.body = std::move(body);
    if (!content_type.empty()) request.headers.set("Content-Type", content_type);
    if (!accept.empty()) request.headers.set("Accept", accept);
    net::Client client;
    const auto response = client.send(request);
    return response ? *response : net::ClientResponse{-1, {}, response.error().message};
  }
  bool ready() {
    // Its socket appears in the directory, and a moment later it listens.
    const Fd watch(::inotify_init1(IN_CLOEXEC));
    ::inotify_add_watch(watch.get(), root().c_str(), IN_CREATE);
    pollfd wait{watch.get(), POLLIN, 0};
    if (!std::filesystem::exists(socket()) && ::poll(&wait, 1, 5'000) <= 0) return false;
    for (int i = 0; i < 100'000; ++i) {
      if (send("GET", "/ping").status == 200) return true;
      std::this_thread::yield();
    }
    return false;
  }
  pid_t child_ = -1;
};

TEST_F(ServeTest, AnswersUntilItIsTerminated) {
  ASSERT_TRUE(built_in::kmeans::save_model(model(), ml() / "model"));
  start();
  ASSERT_TRUE(ready());
  const auto json = send("POST", "/invocations", "10,10,10,13,14", "text/csv");
  EXPECT_EQ(json.status, 200);
  EXPECT_EQ(json.headers.get("content-type"), "application/json");
  EXPECT_EQ(json.body, "{\"predictions\": [{\"closest_cluster\": 1.0, \"distance_to_cluster\": 5.0}]}");
  const auto csv = send("POST", "/invocations", "{\"instances\": [{\"features\": [20,20,20,20,20]}]}",
                        "application/json", "text/csv");
  EXPECT_EQ(csv.status, 200);
  EXPECT_EQ(csv.headers.get("content-type"), "text/csv");
  EXPECT_EQ(csv.body, "2.0,0.0\n");

  EXPECT_EQ(send("POST", "/invocations", "1,2", "text/csv").status, 400);
  EXPECT_EQ(send("POST", "/invocations", "1,2", "text/csv").body, "Record 1 has 2 features, but the model expects 5\n");
  EXPECT_EQ(send("POST", "/invocations", "1,2", "image/png").status, 415);
  EXPECT_EQ(send("POST", "/invocations", "1,2,3,4,5", "text/csv", "image/png").status, 406);
  const auto large = send("POST", "/invocations", std::string((6u << 20) + 1, '1'), "text/csv");
  EXPECT_EQ(large.status, 413);
  EXPECT_EQ(large.body, "The request body is larger than 6 MB\n");
  EXPECT_EQ(send("GET", "/invocations").status, 405);
  EXPECT_EQ(send("GET", "/other").status, 404);
  EXPECT_EQ(send("GET", "/execution-parameters").status, 200);
  EXPECT_EQ(end(), 0);
}

TEST_F(ServeTest, LoadsAndUnloadsModelsOfAMultiModelEndpoint) {
  ASSERT_TRUE(built_in::kmeans::save_model(model(), ml() / "models" / "one" / "model"));
  start_for_several();
  ASSERT_TRUE(ready());
  const auto load = [&](const std::string& name) {
    return send("POST", "/models", "{\"model_name\": \"" + name + "\", \"url\": \"/x\"}", "application/json").status;
  };
  EXPECT_EQ(send("POST", "/models/one/invoke", "1,2,3,4,5", "text/csv").status, 404);
  EXPECT_EQ(load("one"), 200);
  EXPECT_EQ(load("one"), 409);
  EXPECT_EQ(load("absent"), 400);
  EXPECT_EQ(load("../one"), 400);
  EXPECT_EQ(send("POST", "/models", "{", "application/json").status, 400);
  EXPECT_EQ(send("POST", "/models/one/invoke", "20,20,20,20,20", "text/csv", "text/csv").body, "2.0,0.0\n");
  EXPECT_NE(send("GET", "/models").body.find("\"modelName\":\"one\""), std::string::npos);
  EXPECT_EQ(send("GET", "/models/one").status, 200);
  EXPECT_EQ(send("POST", "/invocations", "1,2,3,4,5", "text/csv").status, 404);
  EXPECT_EQ(send("DELETE", "/models/one").status, 200);
  EXPECT_EQ(send("DELETE", "/models/one").status, 404);
  EXPECT_EQ(send("GET", "/models/one").status, 404);
  EXPECT_EQ(end(), 0);
}

TEST_F(ServeTest, DoesNotStartWithoutAModel) {
  start();
  int status = 0;
  ::waitpid(child_, &status, 0);
  child_ = -1;
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 1);
}

}  // namespace
}  // namespace millrace::sagemaker::worker
