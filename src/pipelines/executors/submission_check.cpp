#include "pipelines/executors/submission_check.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <string>

#include <fmt/core.h>

#include "base/json.h"
#include "base/strings.h"
#include "pipelines/engine/constants.h"
#include "pipelines/executors/inline_tasks.h"
#include "pipelines/executors/machine.h"
#include "pipelines/executors/process.h"

namespace millrace::pipelines::executors {
namespace {

constexpr std::size_t kMaxTasks = 10'000;  // looked at; a pipeline of more is left to its run
constexpr std::size_t kMaxDepth = 100;     // groups within each other

bool is_dynamic(std::string_view text) { return text.find("{{$") != std::string_view::npos; }

bool depends_on_inputs(const Executor& executor) {
  const Resources& wanted = executor.resources;
  for (const std::string* text : {&executor.image, &wanted.accelerator_count, &wanted.accelerator_type,
                                  &wanted.cpu_request, &wanted.memory_request}) {
    if (is_dynamic(*text)) return true;
  }
  return !executor.placement.selectors.empty() || !executor.placement.affinities.empty();
}

bool is_on_path(const std::string& program) {
  if (program.find('/') != std::string::npos) return program.front() != '/' || ::access(program.c_str(), X_OK) == 0;
  const char* given = std::getenv("PATH");
  const std::string path = given != nullptr && *given != '\0' ? given : "/usr/local/bin:/usr/bin:/bin";
  return std::ranges::any_of(split(path, ':'), [&](std::string_view directory) {
    return !directory.empty() && ::access(fmt::format("{}/{}", directory, program).c_str(), X_OK) == 0;
  });
}

class Check {
 public:
  Check(const Options& options, const Hooks& hooks, const PipelineSpec& pipeline)
      : options_(options), hooks_(hooks), pipeline_(pipeline), labels_(node_labels(options)) {}

  // Of most pipelines nothing depends on what a task is given, and nothing is wrong.
  bool is_settled() {
    return std::ranges::all_of(pipeline_.executors, [&](const auto& one) {
      const engine::Node nothing;
      return !depends_on_inputs(one.second) && executor(one.second, nothing, true);
    });
  }

  Status tasks(const Component& component, const Value& known, bool sure, std::size_t depth = 0) {
    if (!component.dag || depth > kMaxDepth) return {};
    for (const Task& one : component.dag->tasks) {
      if (looked_at_++ >= kMaxTasks) return {};
      const auto called = pipeline_.components.find(one.component);
      if (called != pipeline_.components.end()) MR_TRY(task(one, called->second, known, sure, depth));
    }
    return {};
  }

 private:
  Status task(const Task& one, const Component& component, const Value& known, bool sure, std::size_t depth) {
    engine::Node node;
    node.task = &one;
    node.component = &component;
    for (const auto& [name, source] : one.parameters) {
      if (auto value = value_of(source, known, Value()); !value.is_null()) node.parameters.set(name, std::move(value));
    }
    for (const auto& [name, spec] : component.parameters) {
      if (!one.parameters.contains(name) && spec.default_value) node.parameters.set(name, *spec.default_value);
    }
    if (one.condition) {
      const auto holds = one.condition->evaluate(node.parameters, Value::object());
      if (holds && !*holds) return {};
      if (!holds) sure = false;
    }
    if (one.iterator) {
      if (one.iterator->items && one.iterator->items->is_array() && one.iterator->items->empty()) return {};
      if (!one.iterator->items) sure = false;
      node.parameters.erase(one.iterator->item);
    }
    if (component.dag) return tasks(component, node.parameters, sure, depth + 1);
    const auto found = pipeline_.executors.find(component.executor);
    if (found == pipeline_.executors.end()) return {};
    for (const ParameterSource& source : found->second.sources)
      node.settings.push_back(value_of(source, known, node.parameters));
    const Status good = executor(found->second, node, sure);
    if (good) return {};
    return fail(good.error().code, fmt::format("deploymentSpec.executors.{}: {}", found->first, good.error().message));
  }

  // Null: only the run knows.
  static Value value_of(const ParameterSource& source, const Value& known, const Value& own) {
    if (!source.member.empty()) return {};
    switch (source.kind) {
      case ParameterSource::Kind::constant:
        return engine::names_inputs(source.constant) ? Value() : source.constant;
      case ParameterSource::Kind::component_input:
        return known[source.name];
      case ParameterSource::Kind::own_input:
        return own[source.name];
      case ParameterSource::Kind::task_output:
      case ParameterSource::Kind::final_status:
        break;
    }
    return {};
  }

  Status executor(const Executor& executor, const engine::Node& node, bool sure) {
    MR_TRY(check_executor(options_, hooks_, labels_, executor, node));
    return sure ? program(executor) : Status();
  }

  Status program(const Executor& executor) {
    if (runs_inline(executor) || is_dynamic(executor.image) || options_.images.contains(executor.image) ||
        is_contained(options_, hooks_, executor))
      return {};
    std::vector<std::string> words = executor.command;
    words.insert(words.end(), executor.arguments.begin(), executor.arguments.end());
    if (hooks_.native_image && hooks_.native_image(executor.image, words)) return {};
    const bool own_path =
        std::ranges::any_of(executor.environment, [](const auto& one) { return one.first == "PATH"; });
    if (own_path || (!words.empty() && (words[0].empty() || words[0][0] == '{' || is_dynamic(words[0])))) return {};
    if (!words.empty() && is_there(words[0])) return {};
    if (executor.command.empty())
      return fail(Code::unimplemented,
                  fmt::format("the image {0} has no command in the pipeline, and images are not run here: give the "
                              "component a command, or start the server with --executor container, or with --image "
                              "{0}=DIRECTORY, a directory with its files",
                              executor.image));
    return fail(
        Code::failed_precondition,
        fmt::format("the program {1} of the image {0} is not on this machine, on which its command runs: start "
                    "the server with --executor container, or with --image {0}=DIRECTORY, a directory with its files",
                    executor.image, words[0]));
  }

  bool is_there(const std::string& program) {
    const auto [found, is_new] = programs_.try_emplace(program, false);
    if (is_new) found->second = is_on_path(program);
    return found->second;
  }

  const Options& options_;
  const Hooks& hooks_;
  const PipelineSpec& pipeline_;
  const std::map<std::string, std::string> labels_;
  std::map<std::string, bool> programs_;
  std::size_t looked_at_ = 0;
};

}  // namespace

Status check_submission(const Options& options, const Hooks& hooks, const PipelineSpec& pipeline,
                        const Value& parameters) {
  Check check(options, hooks, pipeline);
  return check.is_settled() ? Status() : check.tasks(pipeline.root, parameters, true);
}

Value default_parameters(const PipelineSpec& pipeline) {
  Value out = Value::object();
  for (const auto& [name, parameter] : pipeline.root.parameters) {
    if (parameter.default_value) out.set(name, *parameter.default_value);
  }
  return out;
}

}  // namespace millrace::pipelines::executors
