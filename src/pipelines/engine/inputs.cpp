#include "pipelines/engine/inputs.h"

#include <fmt/core.h>

#include "base/json.h"
#include "pipelines/engine/constants.h"

namespace millrace::pipelines::engine {
namespace {

constexpr int kUnknown = 2;  // google.rpc.Code

// A member of an object, or of the JSON of one.
Value member_of(const Value& value, const std::string& member) {
  if (!value.is_string()) return value[member];
  const auto parsed = parse_json(value.as_string());
  return parsed ? (*parsed)[member] : Value();
}

// As KFP's exit tasks get it: the states by their old names. The run's name is added by the executor, which knows it.
Value final_status(const Node& node) {
  const bool good = node.state == NodeState::succeeded;
  Value status = Value::object({{"state", good                              ? "COMPLETE"
                                          : node.state == NodeState::failed ? "FAILED"
                                                                            : "CANCELED"},
                                {"pipelineTaskName", node.task->name},
                                {"error", Value::object()}});
  if (!good && !node.error.empty()) status.set("error", Value::object({{"code", kUnknown}, {"message", node.error}}));
  return status;
}

// A member of the final status; "phase" is the state as Argo names it, for pipelines of the SDK 1.8.
Value phase_or(const Node& node, const std::string& member) {
  if (member != "phase") return final_status(node)[member];
  return node.state == NodeState::succeeded ? "Succeeded" : "Failed";
}

// What a parameter's source gives at this moment; null: nothing.
Value value_of(const ParameterSource& source, const Node& dag) {
  const Value* value = nullptr;
  switch (source.kind) {
    case ParameterSource::Kind::constant:
      value = &source.constant;
      break;
    case ParameterSource::Kind::component_input:
      value = dag.parameters.find(source.name);
      break;
    case ParameterSource::Kind::own_input:  // only of settings
      break;
    case ParameterSource::Kind::task_output:
      // What a failed task has left is there to be looked at, not to be used.
      if (const Node* producer = dag.child(source.producer);
          producer != nullptr && producer->state != NodeState::failed)
        value = producer->output_parameters.find(source.output_key);
      break;
    case ParameterSource::Kind::final_status:
      if (const Node* producer = dag.child(source.producer))
        return source.member.empty() ? final_status(*producer) : phase_or(*producer, source.member);
      break;
  }
  if (value == nullptr || value->is_null()) return Value();
  return source.member.empty() ? *value : member_of(*value, source.member);
}

ParameterSource whole(ParameterSource source) {
  source.member.clear();
  return source;
}

// What the constants say of other inputs, when those are there.
void resolve_constants(Node& node) {
  for (const auto& [key, source] : node.task->parameters) {
    if (source.kind != ParameterSource::Kind::constant || source.constant.is_null()) continue;
    if (source.member.empty() && !names_inputs(source.constant)) continue;  // as value_of() gave it
    Value value = with_inputs(source.constant, node.parameters);
    const auto declared = node.component->parameters.find(key);
    const bool text = declared != node.component->parameters.end() && declared->second.type == ParameterType::string;
    if (value.is_null() && !text)
      node.parameters.erase(key);
    else
      node.parameters.set(key, value.is_null() ? Value("") : std::move(value));
  }
}

void resolve_settings(Node& node, const Executor* executor) {
  node.settings.clear();
  if (executor == nullptr) return;
  for (const ParameterSource& source : executor->sources) {
    const bool own = source.kind == ParameterSource::Kind::own_input;
    node.settings.push_back(own ? node.parameters[source.name] : value_of(source, *node.parent));
  }
}

}  // namespace

bool fit_parameter(Node& node, const std::string& key, const ParameterSpec& spec, std::string& error) {
  const Value& value = node.parameters[key];
  if (has_type(value, spec.type)) return true;
  // Anything may be given where text is wanted: its JSON (KFP's driver does the same).
  if (spec.type == ParameterType::string) {
    node.parameters.set(key, to_json(value));
    return true;
  }
  error = fmt::format("the input parameter {} is {}, but {} is expected", key, value.kind_with_article(),
                      parameter_type_name(spec.type));
  return false;
}

bool resolve_inputs(Node& node, const Executor* executor, std::string& error) {
  const Node& dag = *node.parent;
  for (const auto& [key, source] : node.task->parameters) {
    Value value = value_of(source, dag);
    if (value.is_null() && !source.member.empty() && !value_of(whole(source), dag).is_null()) {
      error = fmt::format("the input parameter {} has no member \"{}\"", key, source.member);
      return false;
    }
    if (!value.is_null()) node.parameters.set(key, std::move(value));
  }
  resolve_constants(node);
  for (const auto& [key, spec] : node.component->parameters) {
    if (node.is_loop() && key == node.task->iterator->item) continue;  // each iteration's own
    const Value* value = node.parameters.find(key);
    if (value == nullptr) {
      if (spec.default_value) {
        node.parameters.set(key, *spec.default_value);
      } else if (!spec.optional) {
        error = fmt::format("the input parameter {} has no value: the task it comes from left none", key);
        return false;
      }
    } else if (!fit_parameter(node, key, spec, error)) {
      return false;
    }
  }
  resolve_settings(node, executor);
  for (const auto& [key, source] : node.task->artifacts) {
    const Node* producer = source.kind == ArtifactSource::Kind::task_output ? dag.child(source.producer) : nullptr;
    const Value* value = producer == nullptr                    ? dag.artifacts.find(source.name)
                         : producer->state == NodeState::failed ? nullptr
                                                                : producer->output_artifacts.find(source.output_key);
    if (value != nullptr) node.artifacts.set(key, *value);
  }
  for (const auto& [key, spec] : node.component->artifacts) {
    if (node.is_loop() && key == node.task->iterator->item) continue;
    if (!spec.optional && !node.artifacts.has(key)) {
      error = fmt::format("the input artifact {} is missing: the task it comes from left none", key);
      return false;
    }
  }
  return true;
}

Status check_input_artifacts(const PipelineSpec& spec) {
  for (const auto& [name, artifact] : spec.root.artifacts) {
    if (!artifact.optional)
      return fail(
          Code::invalid_argument,
          fmt::format("root.inputDefinitions.artifacts.{0}: the pipeline {1} needs the input artifact {0}, which "
                      "no run can be given: runs take parameters only; import it in the pipeline (dsl.importer)",
                      name, spec.name));
  }
  return {};
}

Result<Value> bind_parameters(const PipelineSpec& spec, const Value& given) {
  Value bound = Value::object();
  for (const auto& [key, value] : given.members()) {
    const auto declared = spec.root.parameters.find(key);
    if (declared == spec.root.parameters.end()) {
      return fail(Code::invalid_argument, fmt::format("the pipeline {} has no parameter \"{}\"", spec.name, key));
    }
    if (value.is_null()) continue;
    const ParameterSpec& parameter = declared->second;
    if (!has_type(value, parameter.type)) {
      return fail(Code::invalid_argument, fmt::format("the parameter \"{}\" is {}, but {} is expected", key,
                                                      value.kind_with_article(), parameter_type_name(parameter.type)));
    }
    if (!parameter.literals.empty() &&
        std::find(parameter.literals.begin(), parameter.literals.end(), value) == parameter.literals.end()) {
      return fail(Code::invalid_argument,
                  fmt::format("the parameter \"{}\" is not one of the values that the pipeline allows", key));
    }
    bound.set(key, value);
  }
  for (const auto& [key, parameter] : spec.root.parameters) {
    if (bound.has(key)) continue;
    if (parameter.default_value)
      bound.set(key, *parameter.default_value);
    else if (!parameter.optional)
      return fail(Code::invalid_argument,
                  fmt::format("the parameter \"{}\" of the pipeline {} is missing", key, spec.name));
  }
  return bound;
}

}  // namespace millrace::pipelines::engine
