#pragma once
// For tests: a Kubernetes API over a database of its own, and two tasks that are its pods.

#include <filesystem>

#include <gtest/gtest.h>

#include "base/ids.h"
#include "base/json.h"
#include "kube/kube.h"

namespace millrace::kube {

// Two tasks of one run; the second still runs.
class TwoTasks final : public pipelines::Pipelines {
 public:
  TwoTasks() {
    run_.id = "run-1";
    run_.display_name = "A run";
    run_.created = from_epoch_ms(1'700'000'000'000);
    pipelines::TaskView done;
    done.id = "root/prepare", done.name = "prepare", done.state = "SUCCEEDED", done.pod_name = "wf-1";
    done.created = done.started = run_.created;
    done.ended = run_.created + Millis(2'000);
    pipelines::TaskView running;
    running.id = "root/train", running.name = "train", running.state = "RUNNING", running.pod_name = "wf-2";
    running.attempt = 3;
    running.created = running.started = run_.created + Millis(2'000);
    pipelines::TaskView dag;
    dag.id = "root", dag.is_dag = true, dag.state = "RUNNING";
    pipelines::TaskView waiting;  // for the second: no pod yet
    waiting.id = "root/test", waiting.name = "test", waiting.state = "PENDING", waiting.pod_name = "wf-3";
    waiting.created = run_.created;
    run_.tasks = {dag, waiting, done, running};
  }
  net::Response handle(net::Request&, const pipelines::Caller&) override { return {}; }
  bool may_see(const pipelines::Caller&, const std::string&) override { return true; }
  std::string run_of_child(const std::string&) override { return {}; }
  Status resume() override { return {}; }
  void stop() override {}
  Result<std::vector<pipelines::RunView>> runs(std::size_t) override {
    pipelines::RunView listed = run_;
    listed.tasks.clear();
    return std::vector<pipelines::RunView>{listed};
  }
  Result<pipelines::RunView> run(const std::string&) override { return run_; }
  Load load() override { return {}; }
  Result<std::map<std::string, std::size_t>> under_way() override { return std::map<std::string, std::size_t>{}; }
  Result<LogPart> task_log(const std::string&, const std::string& task, std::uint64_t offset, int attempt) override {
    const std::string text = attempt == 2 && task == "root/train" ? "before\n" : "one\ntwo\nthree\n";
    return LogPart{offset < text.size() ? text.substr(offset) : "", std::max<std::uint64_t>(offset, text.size()),
                   task == "root/prepare"};
  }
  Result<std::vector<pipelines::ContainerView>> containers(const std::string&) override {
    ++asked_for_containers;
    return containers_given;
  }
  int asked_for_containers = 0;
  std::vector<pipelines::ContainerView> containers_given;
  Status dry_run(const Value&, const Value&, const std::function<Value(const pipelines::DryRunTask&)>&) override {
    return fail(Code::unimplemented, "not asked for here");
  }
  Result<std::string> run_again(const std::string&, const std::string&,
                                const std::function<Status(const std::string&)>&) override {
    return fail(Code::unimplemented, "not asked for here");
  }
  void on_change(std::function<void(const std::string&)> listener) override { listener_ = std::move(listener); }
  Status stop_task(const std::string&, const std::string& task) override {
    for (auto& each : run_.tasks) {
      if (each.id == task) each.state = "FAILED", each.ended = run_.created + Millis(3'000);
    }
    return {};
  }
  void finish() {
    run_.tasks.back().state = "FAILED";
    run_.tasks.back().error = "no luck";
    run_.tasks.back().exit_code = 3;
    run_.tasks.back().ended = run_.created + Millis(3'000);
    listener_(run_.id);
  }

 private:
  pipelines::RunView run_;
  std::function<void(const std::string&)> listener_;
};

class KubeTest : public ::testing::Test {
 protected:
  KubeTest() : directory_(std::filesystem::temp_directory_path() / ("kube-" + random_hex(12))) {
    std::filesystem::create_directories(directory_);  // trusted-path: the test's own
    database_ = *db::Database::open((directory_ / "test.db").string());
    kube_ = *Kube::open(*database_, clock_, {std::string(32, 'k'), "token"});
    kube_->set_pipelines(tasks_);
  }
  ~KubeTest() override {
    kube_.reset();
    database_.reset();
    std::filesystem::remove_all(directory_);  // trusted-path: the test's own
  }

  net::Response send(std::string method, std::string target, std::string body = {},
                     std::string type = "application/json", std::string accept = "application/json",
                     std::string token = "Bearer token") {
    net::Request request;
    request.method = std::move(method);
    request.target = target;
    const auto query = target.find('?');
    request.path = target.substr(0, query);
    if (query != std::string::npos) request.raw_query = target.substr(query + 1);
    request.headers.set("Content-Type", type);
    request.headers.set("Accept", accept);
    request.headers.set("Authorization", token);
    request.tls = true;
    const auto reader = net::body_from_string(std::move(body));
    request.body = reader.get();
    return kube_->handle(request);
  }
  Value json(const net::Response& response) {
    const auto value = parse_json(response.body);
    EXPECT_TRUE(value) << response.body;
    return value ? *value : Value();
  }
  Value expect(int status, const net::Response& response) {
    EXPECT_EQ(response.status, status) << response.body;
    return json(response);
  }

  static constexpr const char* kSecrets = "/api/v1/namespaces/kubeflow/secrets";
  std::filesystem::path directory_;
  FakeClock clock_;
  std::unique_ptr<db::Database> database_;
  TwoTasks tasks_;
  std::unique_ptr<Kube> kube_;
};

inline std::string secret_json(const std::string& name, const std::string& more = R"("data":{"KEY":"dmFsdWU="})") {
  return R"({"apiVersion":"v1","kind":"Secret","metadata":{"name":")" + name + R"("},)" + more + "}";
}

inline std::string drain(net::Response& response) {
  std::string out;
  if (!response.stream) return out;
  while (response.stream->read(out) == net::StreamBody::Next::more) {
  }
  return out;
}

}  // namespace millrace::kube
