#pragma once
// Pipelines as a server has them, in a directory of their own, with a launcher and real processes. May be closed in
// mid-run and opened again. Pipelines are made of shell scripts.

#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <fmt/core.h>
#include <gtest/gtest.h>

#include "base/eventually_for_tests.h"
#include "base/file.h"
#include "base/json.h"
#include "net/later_for_tests.h"
#include "pipelines/pipelines.h"
#include "work/process_backend.h"

namespace millrace::pipelines {

struct Answer {
  int status = 0;
  Value body;
  std::string text;
  net::Headers headers = {};
};

// A task that runs a script with /bin/sh. It has one output parameter, "out", if the script names its file, and
// one input, "in": the run's parameter "word" or the output of the task that `reads` names.
struct Step {
  std::string name, script;
  std::vector<std::string> after = {};
  int retries = 0;
  std::string reads = {};
  bool always = false;  // runs after a failure too
  std::vector<std::string> command = {"/bin/sh", "-c"};
};

inline Value make_pipeline(const std::vector<Step>& steps, std::string_view name = "p") {
  Value tasks = Value::object(), components = Value::object(), executors = Value::object();
  for (const Step& step : steps) {
    const Value string_type = Value::object({{"parameterType", "STRING"}});
    const auto one = [](std::string_view key, const Value& value) {
      return Value::object({{"parameters", Value::object({{std::string(key), value}})}});
    };
    components.set("comp-" + step.name, Value::object({{"executorLabel", "exec-" + step.name},
                                                       {"inputDefinitions", one("in", string_type)},
                                                       {"outputDefinitions", Value::object()}}));
    if (step.script.find("output_file") != std::string::npos || step.script.find("outputs/out") != std::string::npos)
      components.child("comp-" + step.name).set("outputDefinitions", one("out", string_type));
    Value command = Value::array();
    for (const std::string& word : step.command) command.push(word);
    executors.set("exec-" + step.name,
                  Value::object({{"container", Value::object({{"image", "busybox"},
                                                              {"command", command},
                                                              {"args", Value::array({Value(step.script)})}})}}));
    Value task = Value::object({{"componentRef", Value::object({{"name", "comp-" + step.name}})},
                                {"taskInfo", Value::object({{"name", step.name}})}});
    Value after = Value::array();
    for (const std::string& upstream : step.after) after.push(upstream);
    task.set("dependentTasks", std::move(after));
    task.set("inputs",
             one("in", step.reads.empty()
                           ? Value::object({{"componentInputParameter", "word"}})
                           : Value::object({{"taskOutputParameter", Value::object({{"producerTask", step.reads},
                                                                                   {"outputParameterKey", "out"}})}})));
    if (step.always) task.set("triggerPolicy", Value::object({{"strategy", "ALL_UPSTREAM_TASKS_COMPLETED"}}));
    if (step.retries > 0)
      task.set("retryPolicy", Value::object({{"maxRetryCount", step.retries}, {"backoffDuration", "0s"}}));
    tasks.set(step.name, std::move(task));
  }
  const Value word = Value::object({{"parameterType", "STRING"}, {"defaultValue", "hello"}, {"isOptional", true}});
  return Value::object({{"pipelineInfo", Value::object({{"name", std::string(name)}})},
                        {"schemaVersion", "2.1.0"},
                        {"sdkVersion", "kfp-2.17.0"},
                        {"components", components},
                        {"deploymentSpec", Value::object({{"executors", executors}})},
                        {"root", Value::object({{"dag", Value::object({{"tasks", tasks}})},
                                                {"inputDefinitions",
                                                 Value::object({{"parameters", Value::object({{"word", word}})}})}})}});
}

// A request with a JSON body, as whoever runs no task.
inline net::Response post_json(Pipelines& pipelines, const std::string& target, const Value& body) {
  net::Request request;
  request.method = "POST";
  request.target = request.path = target;
  request.headers.set("Content-Type", "application/json");
  const auto reader = net::body_from_string(to_json(body));
  request.body = reader.get();
  return pipelines.handle(request);
}

class World {
 public:
  // Without a sandbox scripts can count what they do in files of the test's.
  explicit World(std::size_t max_running_tasks = 16, bool sandbox = false)
      : max_running_tasks_(max_running_tasks), sandbox_(sandbox) {
    open();
  }
  ~World() {
    if (!launcher_) open();
    open_ = false;
    if (pipelines_) pipelines_->stop();
    if (launcher_) {
      EXPECT_TRUE(launcher_->shutdown(Millis(0)));
    }
    close();
  }

  Caller caller;                    // who send() asks as
  TaskApi task_api = TaskApi::own;  // as the next open() takes it
  std::string boot = "first";       // the machine's start, as the next open() finds it
  void open() {
    const auto fine = [](const auto& result) {
      if (!result) ADD_FAILURE() << result.error().message;
      return result.has_value();
    };
    auto database = db::Database::open((path() / "state.db").string());
    if (!fine(database)) return;
    database_ = std::move(*database);
    EXPECT_TRUE(make_directories(path() / "launcher", 0700));
    auto launcher = proc::Launcher::open(path() / "launcher", std::filesystem::read_symlink("/proc/self/exe"),
                                         [this](const std::string& key, const proc::ChildStatus& status) {
                                           if (open_) backend_->ended(key, status);
                                         });
    if (!fine(launcher)) return;
    launcher_ = std::move(*launcher);
    backend_ = std::make_unique<work::ProcessBackend>(*launcher_, path() / "sandbox");
    Hooks hooks;
    hooks.secret = [](const std::string& name) -> Result<std::map<std::string, std::string>> {
      return fail(Code::not_found, "secrets \"" + name + "\" not found");
    };
    auto pipelines = Pipelines::open({*database_, clock_, *backend_}, options(), hooks);
    if (!fine(pipelines)) return;
    pipelines_ = std::move(*pipelines);
    open_ = true;
    EXPECT_TRUE(pipelines_->resume());
  }
  Options options() const {
    Options options{path() / "pipelines", "", max_running_tasks_, {path()}, sandbox_};
    options.task_api = task_api;
    options.boot = boot;
    return options;
  }
  // The server goes; the children and their launcher stay.
  void close() {
    open_ = false;
    if (pipelines_) pipelines_->stop();
    launcher_.reset();
    pipelines_.reset();
    database_.reset();
  }

  Answer send(std::string method, std::string_view target, std::string body = {},
              std::string_view content_type = "application/json", net::Headers headers = {}) {
    net::Request request;
    request.headers = std::move(headers);
    request.method = std::move(method);
    request.target = target;
    const auto question = target.find('?');
    request.path = target.substr(0, question);
    if (question != std::string_view::npos) request.raw_query = target.substr(question + 1);
    request.headers.set("Content-Type", content_type);
    const auto reader = net::body_from_string(std::move(body));
    request.body = reader.get();
    net::Response response = net::settle(pipelines_->handle(request, caller)).get();
    Answer answer{response.status, Value(), std::move(response.body), std::move(response.headers)};
    if (response.file) {
      answer.text.resize(response.file->length);
      const ssize_t n = ::pread(response.file->file.get(), answer.text.data(), answer.text.size(),
                                static_cast<off_t>(response.file->offset));
      EXPECT_EQ(n, static_cast<ssize_t>(answer.text.size()));
    }
    if (response.stream) {
      while (response.stream->read(answer.text) == net::StreamBody::Next::more) {
      }
    }
    if (auto parsed = parse_json(answer.text)) answer.body = std::move(*parsed);
    return answer;
  }
  Answer get(std::string_view target) { return send("GET", target); }
  Answer post(std::string_view target, const Value& body = Value::object()) {
    return send("POST", target, to_json(body));
  }

  std::string start(const Value& pipeline, const Value& parameters = Value::object()) {
    const Answer answer =
        post("/apis/v2beta1/runs", Value::object({{"display_name", "r"},
                                                  {"pipeline_spec", pipeline},
                                                  {"runtime_config", Value::object({{"parameters", parameters}})}}));
    EXPECT_EQ(answer.status, 200) << answer.text;
    return answer.body["run_id"].string_or();
  }
  RunView run(const std::string& id) {
    auto view = pipelines_->run(id);
    if (!view) ADD_FAILURE() << view.error().message;
    return view ? std::move(*view) : RunView();
  }
  RunView end_of(const std::string& id) {
    EXPECT_TRUE(eventually([&] { return run(id).finished.has_value(); })) << id << " does not end";
    return run(id);
  }
  TaskView task(const std::string& id, const std::string& name) {
    for (TaskView& task : run(id).tasks) {
      if (task.name == name) return std::move(task);
    }
    ADD_FAILURE() << "no task " << name;
    return {};
  }
  template <class Condition>
  static bool eventually(Condition condition) {
    return millrace::eventually(std::move(condition));
  }

  // For the scripts: a place that stays when the world is closed.
  const std::filesystem::path& path() const { return directory_.path(); }
  std::string file(const std::string& name) const { return read_file(path() / name).value_or(""); }
  Pipelines& pipelines() { return *pipelines_; }
  // Between close() and open(): what a death at a bad moment may have left.
  void change_database(std::string_view sql) {
    auto database = db::Database::open((path() / "state.db").string());
    ASSERT_TRUE(database);
    const Status changed = (*database)->write([&](db::Connection& connection) { return connection.execute(sql); });
    EXPECT_TRUE(changed) << changed.error().message;
  }

 private:
  TempDir directory_ = std::move(*TempDir::make("pipelines"));
  std::size_t max_running_tasks_;
  bool sandbox_;
  SystemClock clock_;
  std::unique_ptr<db::Database> database_;
  std::unique_ptr<work::ProcessBackend> backend_;
  std::unique_ptr<Pipelines> pipelines_;
  std::unique_ptr<proc::Launcher> launcher_;
  std::atomic<bool> open_ = false;
};

}  // namespace millrace::pipelines
