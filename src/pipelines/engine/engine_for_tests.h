#pragma once
// Pipelines, events and commands in few words.

#include <string>
#include <utility>
#include <vector>

#include <fmt/core.h>

#include "pipelines/engine/engine.h"

namespace millrace::pipelines::engine {

// A pipeline made by hand: every task runs the component "leaf".
struct Builder {
  PipelineSpec spec;

  Builder() {
    spec.name = "p";
    spec.root.name = "root";
    spec.root.dag.emplace();
    Component leaf;
    leaf.name = "leaf";
    leaf.executor = "exec-leaf";
    leaf.output_parameters["out"] = ParameterType::number_integer;
    spec.components["leaf"] = leaf;
    spec.executors["exec-leaf"].image = "image";
    add_body();
  }
  // "body": first, then second; takes an item, gives first's output.
  void add_body() {
    Component body;
    body.name = "body";
    body.parameters["item"] = {ParameterType::number_integer, false, std::nullopt, {}};
    body.dag.emplace();
    for (const char* name : {"first", "second"}) {
      Task inner;
      inner.name = inner.display_name = name;
      inner.component = "leaf";
      body.dag->tasks.push_back(inner);
    }
    body.dag->tasks[1].after = body.dag->tasks[1].upstream = {"first"};
    body.dag->parameters["out"] = {{"first", "out"}};
    spec.components["body"] = body;
  }
  Task& task(const std::string& name, std::vector<std::string> upstream = {}, const std::string& component = "leaf") {
    Task task;
    task.name = task.display_name = name;
    task.component = component;
    task.after = task.upstream = std::move(upstream);
    spec.root.dag->tasks.push_back(std::move(task));
    return spec.root.dag->tasks.back();
  }
};

inline Time at(std::int64_t ms) { return from_epoch_ms(1'700'000'000'000 + ms); }
inline Event created() { return {Event::Kind::created, at(0), "", 0, false, "", true, {}, {}}; }
inline Event launched(const std::string& task, int attempt = 1) {
  return {Event::Kind::launched, at(1), "root/" + task, attempt, false, "", true, {}, {}};
}
inline Event succeeded(const std::string& task, int attempt = 1, Value parameters = Value::object()) {
  return {Event::Kind::finished, at(2), "root/" + task, attempt, true, "", true, std::move(parameters), {}};
}
inline Event failed(const std::string& task, int attempt = 1, bool retryable = true) {
  return {Event::Kind::finished, at(2), "root/" + task, attempt, false, "boom", retryable, {}, {}};
}

inline std::string words(const std::vector<Command>& commands) {
  std::string text;
  for (const Command& command : commands) {
    if (!text.empty()) text += ", ";
    switch (command.kind) {
      case Command::Kind::launch:
        text += fmt::format("launch {} {}", command.path.substr(5), command.attempt);
        break;
      case Command::Kind::stop:
        text += fmt::format("stop {} {}", command.path.substr(5), command.attempt);
        break;
      case Command::Kind::timer:
        text += fmt::format("timer {} +{}ms", command.path.substr(5), (command.due - at(2)).count());
        break;
      case Command::Kind::finish_run:
        text += command.succeeded ? "success" : "failure: " + command.error;
        break;
    }
  }
  return text;
}

}  // namespace millrace::pipelines::engine
