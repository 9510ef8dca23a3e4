// Where the inputs of a dag's tasks come from.

#include <fmt/core.h>

#include "pipelines/v1/dag_compiler.h"
#include "pipelines/v1/when.h"
#include "pipelines/v1/workflow.h"

namespace millrace::pipelines::v1 {
namespace {

using Kind = Tag::Kind;

constexpr std::string_view kChannel = "pipelinechannel--";  // inputs that no component declares

}  // namespace

// Where a tag's value comes from. `loop`: the task is one of a loop.
Result<Value> DagCompiler::source(const Place& at, const Tag& tag, bool loop) {
  switch (tag.kind) {
    case Kind::input_parameter:
      if (!scope_.parameters.contains(tag.name))
        return at.wrong(fmt::format("the template has no input parameter \"{}\"", tag.name));
      return input_source(tag.name);
    case Kind::workflow_parameter:
      return run_source(at, workflow_input(tag.name));
    case Kind::workflow_status:
      return run_source(at, std::string(kStatusInput));
    case Kind::task_parameter: {
      const auto callee = callees_.find(tag.task);
      if (callee == callees_.end()) return at.wrong(fmt::format("there is no task \"{}\" here", tag.task));
      if (!callee->second->output_parameters.contains(tag.name))
        return at.wrong(fmt::format("the task {} has no output parameter \"{}\"", tag.task, tag.name));
      return Value::object(
          {{"taskOutputParameter", Value::object({{"producerTask", tag.task}, {"outputParameterKey", tag.name}})}});
    }
    case Kind::item: {
      if (!loop) return at.wrong("{{item}} stands where nothing is looped over");
      Value out = input_source(kItem);
      if (tag.name.find_first_of("\"\\") != std::string::npos) return at.wrong("a member's name holds a quote");
      if (!tag.name.empty())
        out.set("parameterExpressionSelector", fmt::format("parseJson(string_value)[\"{}\"]", tag.name));
      return out;
    }
    default:
      if (is_of_the_run(tag.kind)) return constant_source(placeholder_of_the_run(tag.kind, spec_));
      return at.wrong("a parameter cannot come from a file's tag");
  }
}

// A parameter of the workflow, or its status, handed down from the root.
Result<Value> DagCompiler::run_source(const Place& at, const std::string& input) {
  constexpr std::size_t kPrefix = sizeof("workflow.parameters.") - 1;
  if (!scope_.is_root) {
    scope_.of_the_run.insert(input);
    return input_source(input);
  }
  if (input == kStatusInput) {
    if (scope_.exit_group.empty() || current_ == scope_.exit_group)
      return at.refused("the workflow's status is known to its exit handler only");
    return Value::object({{"taskFinalStatus", Value::object({{"producerTask", scope_.exit_group}})},
                          {"parameterExpressionSelector", "parseJson(string_value)[\"phase\"]"}});
  }
  const std::string name = input.substr(kPrefix);
  if (!scope_.parameters.contains(name)) return at.wrong(fmt::format("the workflow has no parameter \"{}\"", name));
  return input_source(name);
}

// Text as an argument. Where it is more than one tag, the tags come in through inputs of their own and the text is
// put together when the task starts.
Status DagCompiler::set_parameter(const Place& at, Value& parameters, const std::string& name, const Text& text,
                                  bool loop) {
  if (text.empty()) {
    parameters.set(name, constant_source(""));
    return {};
  }
  if (text.size() == 1) {
    parameters.set(name,
                   text[0].kind == Kind::text ? constant_source(text[0].name) : MR_TRY(source(at, text[0], loop)));
    return {};
  }
  std::string whole;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const Tag& tag = text[i];
    if (tag.kind == Kind::text || is_of_the_run(tag.kind)) {
      whole += tag.kind == Kind::text ? tag.name : placeholder_of_the_run(tag.kind, spec_);
      continue;
    }
    const std::string channel = fmt::format("{}{}-{}", kChannel, name, i);
    parameters.set(channel, MR_TRY(source(at, tag, loop)));
    whole += fmt::format("{{{{$.inputs.parameters['{}']}}}}", channel);
  }
  parameters.set(name, constant_source(whole));
  return {};
}

Result<Text> DagCompiler::read(const Place& at) {
  auto text = read_text(MR_TRY(scalar_text(at)));
  if (!text) return at.here(text.error());
  return std::move(*text);
}

Status DagCompiler::arguments(const Place& at, const std::string& name, const Compiled& callee, bool loop,
                              Value& inputs, Value& files) {
  const Place given = at.in("arguments");
  MR_TRY(only_known(given, {"parameters", "artifacts"}));
  std::map<std::string, Text> texts;
  Value parameters = Value::object(), artifacts = Value::object();
  for (const Value& parameter : given.at["parameters"].items()) {
    const Place argument{parameter, given.path + ".parameters"};
    MR_TRY(only_known(argument, {"name", "value"}));
    const std::string key = parameter["name"].string_or();
    if (!callee.parameters.contains(key)) continue;  // Argo hands over what nobody asked for, too
    texts[key] = MR_TRY(read(argument.in("value")));
    MR_TRY(set_parameter(argument, parameters, key, texts[key], loop));
  }
  for (const auto& [key, fallback] : callee.parameters) {
    if (parameters.has(key)) continue;
    if (!fallback) return at.wrong(fmt::format("the argument \"{}\" is missing", key));
  }
  for (const std::string& input : callee.of_the_run) parameters.set(input, MR_TRY(run_source(at, input)));
  for (const Value& artifact : given.at["artifacts"].items()) {
    const Place argument{artifact, given.path + ".artifacts"};
    MR_TRY(only_known(argument, {"name", "from", "raw"}));
    const std::string key = artifact["name"].string_or();
    if (!callee.artifacts.contains(key)) continue;
    if (artifact.has("raw")) {
      auto text = read_text(artifact["raw"]["data"].string_or());
      if (!text) return argument.here(text.error());
      artifacts.set(key, MR_TRY(file_task(argument, name, key, *text, loop, files)));
    } else {
      artifacts.set(key, MR_TRY(artifact_source(argument)));
    }
  }
  for (const std::string& key : callee.artifacts) {
    if (artifacts.has(key)) continue;
    const auto constant = callee.constants.find(key);
    if (constant == callee.constants.end()) return at.wrong(fmt::format("the artifact \"{}\" is missing", key));
    artifacts.set(key, MR_TRY(constant_file(at, name, key, callee, constant->second, texts, loop, files)));
  }
  if (!parameters.empty()) inputs.set("parameters", std::move(parameters));
  if (!artifacts.empty()) inputs.set("artifacts", std::move(artifacts));
  return {};
}

Result<Value> DagCompiler::artifact_source(const Place& at) {
  const Text text = MR_TRY(read(at.in("from")));
  if (is_one_tag(text) && text[0].kind == Kind::input_artifact) {
    if (const auto file = scope_.files.find(text[0].name); file != scope_.files.end()) return root_file(at, *file);
    if (!scope_.artifacts.contains(text[0].name))
      return at.wrong(fmt::format("the template has no input artifact \"{}\"", text[0].name));
    return Value::object({{"componentInputArtifact", text[0].name}});
  }
  if (is_one_tag(text) && text[0].kind == Kind::task_artifact) {
    const auto callee = callees_.find(text[0].task);
    if (callee == callees_.end() || !callee->second->output_artifacts.contains(text[0].name))
      return at.wrong(fmt::format("there is no artifact \"{}\" of a task \"{}\"", text[0].name, text[0].task));
    return Value::object(
        {{"taskOutputArtifact", Value::object({{"producerTask", text[0].task}, {"outputArtifactKey", text[0].name}})}});
  }
  return at.wrong("an artifact comes from {{inputs.artifacts.…}} or {{tasks.….outputs.artifacts.…}}");
}

Result<std::string> DagCompiler::condition(const Place& at, bool loop, Value& inputs) {
  std::size_t count = 0;
  auto made = translate_when(at.at.string_or(), [&](const Tag& tag) -> Result<std::string> {
    const std::string name = fmt::format("{}when-{}", kChannel, ++count);
    inputs.child("parameters").set(name, MR_TRY(source(at, tag, loop)));
    return name;
  });
  if (made) return std::move(*made);
  // What source() said has its place already.
  if (made.error().message.find(at.path) != std::string::npos) return fail(made.error());
  return at.here(made.error());
}

}  // namespace millrace::pipelines::v1
