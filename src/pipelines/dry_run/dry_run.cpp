#include "pipelines/dry_run/dry_run.h"

#include <deque>

#include <fmt/core.h>

#include "base/ids.h"
#include "pipelines/engine/engine.h"
#include "pipelines/executors/inputs.h"
#include "pipelines/executors/placeholders.h"
#include "pipelines/spec/pipeline_spec.h"
#include "pipelines/v1/workflow.h"

namespace millrace::pipelines::dry_run {
namespace {

using engine::Command;
using engine::Event;

// What a task that nobody can foresee may give, of the right type.
Value made_up(ParameterType type) {
  switch (type) {
    case ParameterType::number_integer:
      return 1;
    case ParameterType::number_double:
      return 1.0;
    case ParameterType::boolean:
      return true;
    case ParameterType::list:
      return Value::array({Value(kOnlyKnownInRun)});
    case ParameterType::structure:
      return Value::object();
    default:
      return kOnlyKnownInRun;
  }
}

class DryRun {
 public:
  DryRun(const Options& options, const Clock& clock, const PipelineSpec& spec, Value parameters,
         const std::function<Value(const DryRunTask&)>& each)
      : options_(options), clock_(clock), state_(spec, std::move(parameters), kMaxRounds), each_(each) {
    run_.run_id = uuid4();
    run_.display_name = run_.pipeline_name = run_.resource_name = spec.name;
    run_.pipeline_root = spec.default_root;
    run_.created = clock.now();
    run_.has_workspace = spec.has_workspace;
    run_.sandboxed = true;
  }

  Status run() {
    Event created;
    created.at = clock_.now();
    take(state_.advance(created));
    while (!launches_.empty()) {
      if (++tasks_ > kMaxTasks) {
        return fail(Code::resource_exhausted,
                    fmt::format("the pipeline has more than {} tasks, too many for a dry run", kMaxTasks));
      }
      const Command command = launches_.front();
      launches_.pop_front();
      const engine::Node* node = state_.find(command.path);
      if (node == nullptr || engine::is_final(node->state)) continue;
      Event ended;
      ended.kind = Event::Kind::finished;
      ended.at = clock_.now();
      ended.path = command.path;
      ended.attempt = command.attempt;
      MR_TRY(perform(*node, ended));
      take(state_.advance(ended));
    }
    return {};
  }

 private:
  void take(std::vector<Command> commands) {
    for (Command& command : commands) {
      if (command.kind == Command::Kind::launch) launches_.push_back(std::move(command));
    }
  }

  Status perform(const engine::Node& node, Event& ended) {
    const Executor* executor = state_.executor_of(node);
    if (executor == nullptr) return fail(Code::invalid_argument, fmt::format("{} has no executor", node.path));
    Value outputs = Value::object();
    if (!executor->importer) outputs = each_(MR_TRY(task_of(node, *executor)));
    ended.succeeded = true;
    ended.output_parameters = ended.output_artifacts = Value::object();
    for (const auto& [name, type] : node.component->output_parameters)
      ended.output_parameters.set(name, outputs.has(name) ? outputs[name] : made_up(type));
    for (const auto& [name, spec] : node.component->output_artifacts)
      ended.output_artifacts.set(name, executors::artifact_value(name, spec, executors::output_uri(run_, node, name)));
    return {};
  }

  Result<DryRunTask> task_of(const engine::Node& node, const Executor& executor) {
    DryRunTask task;
    task.path = node.path.starts_with("root/") ? node.path.substr(5) : node.path;
    task.name = node.task->display_name.empty() ? node.task->name : node.task->display_name;
    const Value input = MR_TRY(executors::executor_input(options_, run_, node, "/dry-run"));
    const auto context = executors::placeholders(options_, run_, node, input);
    task.image = MR_TRY(executors::substitute(executor.image, context));
    task.command_line = MR_TRY(executors::substitute_arguments(executor.command, context));
    for (std::string& argument : MR_TRY(executors::substitute_arguments(executor.arguments, context)))
      task.command_line.push_back(std::move(argument));
    for (const auto& [name, value] : executor.environment)
      task.environment.emplace_back(name, MR_TRY(executors::substitute(value, context)));
    for (const KeysAsEnv& keys : executor.env_from_keys) {
      if (!keys.secret) continue;
      const Value& name = keys.name.source < 0 ? keys.name.value : node.settings[std::size_t(keys.name.source)];
      for (const auto& [key, variable] : keys.key_to_variable)
        task.secrets.push_back({variable, name.string_or(), key});
    }
    return task;
  }

  const Options& options_;
  const Clock& clock_;
  executors::RunContext run_;
  engine::State state_;
  const std::function<Value(const DryRunTask&)>& each_;
  std::deque<Command> launches_;
  std::size_t tasks_ = 0;
};

}  // namespace

Status walk(const Options& options, const Clock& clock, const Value& package, const Value& parameters,
            const std::function<Value(const DryRunTask&)>& each) {
  const Package given = MR_TRY(unwrap_package(package));
  const PipelineSpec spec = MR_TRY(parse_pipeline_spec(given.spec, given.platform));
  MR_TRY(engine::check_input_artifacts(spec));
  Value bound =
      MR_TRY(engine::bind_parameters(spec, given.workflow.is_null() ? parameters : v1::text_parameters(parameters)));
  return DryRun(options, clock, spec, std::move(bound), each).run();
}

}  // namespace millrace::pipelines::dry_run
