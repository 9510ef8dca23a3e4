// A dag's tasks, those that need a dag around them, and what the dag leaves.

#include "pipelines/v1/dag.h"

#include <fmt/core.h>

#include "pipelines/v1/dag_compiler.h"
#include "pipelines/v1/workflow.h"

namespace millrace::pipelines::v1 {
namespace {

using Kind = Tag::Kind;

Value call(const Compiled& callee, const std::string& name) {
  Value task = Value::object({{"componentRef", Value::object({{"name", callee.component}})}});
  task.set("taskInfo", Value::object({{"name", callee.display_name.empty() ? name : callee.display_name}}));
  if (callee.cached) task.set("cachingOptions", Value::object({{"enableCache", true}}));
  if (!callee.retry.is_null()) task.set("retryPolicy", callee.retry);
  return task;
}

}  // namespace

Result<Value> DagCompiler::compile() {
  const Place dag = place_.in("dag");
  MR_TRY(only_known(dag, {"tasks", "failFast"}));
  if (!dag.at["tasks"].is_array() || dag.at["tasks"].empty()) return dag.wrong("the dag has no tasks");
  for (const Value& task : dag.at["tasks"].items()) {
    const std::string name = task["name"].string_or();
    const Place at{task, fmt::format("{}.tasks.{}", dag.path, name)};
    if (name.empty()) return at.wrong("a task needs a name");
    if (callees_.contains(name)) return at.wrong("there are two tasks of this name");
    callees_[name] = MR_TRY(find_(at, task["template"].string_or()));
    for (const Value& other : task["dependencies"].items()) awaited_.insert(other.string_or());
  }
  for (const Value& task : dag.at["tasks"].items())
    MR_TRY(add({task, fmt::format("{}.tasks.{}", dag.path, task["name"].as_string())}));
  Value out = Value::object({{"tasks", std::move(tasks_)}});
  Value outputs = MR_TRY(dag_outputs());
  if (!outputs.empty()) out.set("outputs", std::move(outputs));
  return out;
}

Status DagCompiler::add(const Place& at) {
  MR_TRY(only_known(at, {"name", "template", "arguments", "dependencies", "when", "withItems", "withParam"}));
  const std::string name = at.at["name"].as_string();
  current_ = name;
  const Compiled& callee = *callees_.at(name);
  const bool loop = at.at.has("withItems") || at.at.has("withParam");
  Value inputs = Value::object(), files = Value::object();
  MR_TRY(arguments(at, name, callee, loop, inputs, files));
  Value task = call(callee, name);
  task.line = at.at.line;
  if (const Place when = at.in("when"); !when.at.is_null()) {
    Value trigger = Value(MR_TRY(condition(when, loop, inputs)));
    task.set("triggerPolicy", Value::object({{"condition", std::move(trigger)}}));
  }
  Value after = Value::array();
  for (const Value& other : at.at["dependencies"].items()) {
    if (!callees_.contains(other.string_or()))
      return at.wrong(fmt::format("it waits for the task \"{}\", which is not there", other.string_or()));
    after.push(other.string_or());
  }
  // A task that waits for one whose `when` was false runs, in Argo: a dag around it succeeds.
  const bool around = loop || (at.at.has("when") && (awaited_.contains(name) || !files.empty()));
  if (!around) {
    for (const auto& [key, file] : files.members()) tasks_.set(key, file);
    if (!inputs.empty()) task.set("inputs", std::move(inputs));
    if (!after.empty()) task.set("dependentTasks", std::move(after));
    tasks_.set(name, std::move(task));
    return {};
  }
  Value outer = wrap(name, callee, std::move(task), std::move(inputs), std::move(files));
  outer.line = at.at.line;
  if (loop) MR_TRY(iterate(at, name, callee, outer, after));
  if (!after.empty()) outer.set("dependentTasks", std::move(after));
  tasks_.set(name, std::move(outer));
  return {};
}

// A dag component around one task (and the files that are made for it); gives the task that calls it.
Value DagCompiler::wrap(const std::string& name, const Compiled& callee, Value task, Value inputs, Value files) {
  const std::string component = fmt::format("comp-{}-{}-each", name_, name);
  Value parameters = Value::object(), artifacts = Value::object(), definitions = Value::object(),
        artifact_definitions = Value::object();
  const auto hand_in = [&](const std::string& prefix, Value& from) {
    for (auto& [key, source] : from.child("parameters").as_object()) {
      if (source.has("runtimeValue") || source["componentInputParameter"].string_or() == kItem) continue;
      const std::string input = prefix + key;
      parameters.set(input, source);
      definitions.set(input, text_definition());
      source = input_source(input);
    }
  };
  if (inputs.has("parameters")) hand_in("", inputs);
  for (auto& [file, made] : files.as_object()) {
    if (made["inputs"].has("parameters")) hand_in(file + ".", made.child("inputs"));
  }
  if (inputs.has("artifacts")) {
    for (auto& [key, source] : inputs.child("artifacts").as_object()) {
      // One of the files beside it is not handed in.
      if (files.has(source["taskOutputArtifact"]["producerTask"].string_or())) continue;
      artifacts.set(key, source);
      artifact_definitions.set(key, file_definition());
      source = Value::object({{"componentInputArtifact", key}});
    }
  }
  if (!inputs.empty()) task.set("inputs", std::move(inputs));
  const Value shown = task["taskInfo"];
  Value made = Value::object();
  if (!definitions.empty()) made.child("inputDefinitions").set("parameters", std::move(definitions));
  if (!artifact_definitions.empty()) made.child("inputDefinitions").set("artifacts", std::move(artifact_definitions));
  Value dag = Value::object({{"tasks", std::move(files)}});
  dag.child("tasks").set(name, std::move(task));
  for (const std::string& key : callee.output_parameters) {
    dag.child("outputs")
        .child("parameters")
        .set(key, Value::object({{"valueFromParameter",
                                  Value::object({{"producerSubtask", name}, {"outputParameterKey", key}})}}));
    made.child("outputDefinitions").child("parameters").set(key, text_definition());
  }
  for (const std::string& key : callee.output_artifacts) {
    dag.child("outputs")
        .child("artifacts")
        .set(key,
             Value::object({{"artifactSelectors",
                             Value::array({Value::object({{"producerSubtask", name}, {"outputArtifactKey", key}})})}}));
    made.child("outputDefinitions").child("artifacts").set(key, file_definition());
  }
  made.set("dag", std::move(dag));
  output_.components.set(component, std::move(made));
  Value outer = Value::object({{"componentRef", Value::object({{"name", component}})}, {"taskInfo", shown}});
  if (!parameters.empty()) outer.child("inputs").set("parameters", std::move(parameters));
  if (!artifacts.empty()) outer.child("inputs").set("artifacts", std::move(artifacts));
  return outer;
}

Result<Value> DagCompiler::dag_outputs() {
  const Place outputs = place_.in("outputs");
  MR_TRY(only_known(outputs, {"parameters", "artifacts"}));
  Value out = Value::object();
  for (const Value& parameter : outputs.at["parameters"].items()) {
    const Place at{parameter, outputs.path + ".parameters"};
    MR_TRY(only_known(at, {"name", "valueFrom"}));
    MR_TRY(only_known(at.in("valueFrom"), {"parameter"}));
    const Text text = MR_TRY(read(at.in("valueFrom").in("parameter")));
    const std::string name = parameter["name"].string_or();
    if (!is_one_tag(text) || text[0].kind != Kind::task_parameter)
      return at.refused("an output that is no task's output is not executed by Millrace");
    MR_TRY(source(at, text[0], false));
    compiled_.output_parameters.insert(name);
    out.child("parameters")
        .set(name, Value::object({{"valueFromParameter", Value::object({{"producerSubtask", text[0].task},
                                                                        {"outputParameterKey", text[0].name}})}}));
  }
  for (const Value& artifact : outputs.at["artifacts"].items()) {
    const Place at{artifact, outputs.path + ".artifacts"};
    MR_TRY(only_known(at, {"name", "from", "optional"}));
    const Value found = MR_TRY(artifact_source(at));
    const std::string name = artifact["name"].string_or();
    if (!found.has("taskOutputArtifact")) return at.refused("an input as an output is not executed by Millrace");
    compiled_.output_artifacts.insert(name);
    const Value& task = found["taskOutputArtifact"];
    out.child("artifacts")
        .set(name,
             Value::object({{"artifactSelectors",
                             Value::array({Value::object({{"producerSubtask", task["producerTask"]},
                                                          {"outputArtifactKey", task["outputArtifactKey"]}})})}}));
  }
  return out;
}

Result<Value> compile_dag(const Place& place, const Value& spec, const std::string& name, Scope& scope,
                          const FindTemplate& find, Compiled& compiled, Output& output) {
  return DagCompiler(place, spec, name, scope, find, compiled, output).compile();
}

}  // namespace millrace::pipelines::v1
