#include "pipelines/v1/dag.h"

#include <algorithm>

#include <fmt/core.h>

#include "base/json.h"
#include "pipelines/v1/when.h"
#include "pipelines/v1/workflow.h"

namespace millrace::pipelines::v1 {
namespace {

using Kind = Tag::Kind;

constexpr std::string_view kItem = "loop.item", kItems = "loop.items";
constexpr std::string_view kChannel = "pipelinechannel--";  // inputs that no component declares
constexpr std::size_t kMaxItems = 100'000;
// Any image would do: these two are commands of every machine.
constexpr std::string_view kImage = "python:3";
// Text into a file: <text> <file>.
constexpr std::string_view kWriteText = R"sh(mkdir -p "$(dirname "$1")" && printf %s "$0" > "$1")sh";
// A list whose texts hold marks, and what replaces the marks: <file> <list> <text>…
constexpr std::string_view kFillItems =
    "import json, os, sys\n"
    "def fill(value):\n"
    "    if isinstance(value, str):\n"
    "        for number, text in enumerate(sys.argv[3:]):\n"
    "            value = value.replace('\\x01%d\\x02' % number, text)\n"
    "        return value\n"
    "    if isinstance(value, list):\n"
    "        return [fill(item) for item in value]\n"
    "    if isinstance(value, dict):\n"
    "        return {fill(key): fill(item) for key, item in value.items()}\n"
    "    return value\n"
    "os.makedirs(os.path.dirname(sys.argv[1]), exist_ok=True)\n"
    "open(sys.argv[1], 'w').write(json.dumps(fill(json.loads(sys.argv[2]))))\n";

Value input_source(std::string_view name) { return Value::object({{"componentInputParameter", name}}); }

Value call(const Compiled& callee, const std::string& name) {
  Value task = Value::object({{"componentRef", Value::object({{"name", callee.component}})}});
  task.set("taskInfo", Value::object({{"name", callee.display_name.empty() ? name : callee.display_name}}));
  if (callee.cached) task.set("cachingOptions", Value::object({{"enableCache", true}}));
  if (!callee.retry.is_null()) task.set("retryPolicy", callee.retry);
  return task;
}

class Dag {
 public:
  Dag(const Place& place, const Value& spec, const std::string& name, Scope& scope, const FindTemplate& find,
      Compiled& compiled, Output& output)
      : place_(place), spec_(spec), name_(name), scope_(scope), find_(find), compiled_(compiled), output_(output) {}

  Result<Value> compile() {
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

 private:
  // Where a tag's value comes from. `loop`: the task is one of a loop.
  Result<Value> source(const Place& at, const Tag& tag, bool loop) {
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
  Result<Value> run_source(const Place& at, const std::string& input) {
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
  Status set_parameter(const Place& at, Value& parameters, const std::string& name, const Text& text, bool loop) {
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

  Result<Text> read(const Place& at) {
    auto text = read_text(MR_TRY(scalar_text(at)));
    if (!text) return at.here(text.error());
    return std::move(*text);
  }

  // A task that writes text into a file, for an artifact that is given as text. `text` has only tags that source()
  // knows.
  Result<Value> file_task(const Place& at, const std::string& task, const std::string& artifact, const Text& text,
                          bool loop, Value& tasks) {
    const std::string name = fmt::format("{}{}-{}", kFilePrefix, task, artifact);
    const std::string label = fmt::format("exec-{}-{}", name_, name),
                      component = fmt::format("comp-{}-{}", name_, name);
    Value parameters = Value::object(), definitions = Value::object();
    std::string written;
    bool of_one_run = false;
    for (std::size_t i = 0; i < text.size(); ++i) {
      const Tag& tag = text[i];
      if (tag.kind == Kind::text || is_of_the_run(tag.kind)) {
        written += tag.kind == Kind::text ? tag.name : placeholder_of_the_run(tag.kind, spec_);
        of_one_run = of_one_run || tag.kind != Kind::text;
        continue;
      }
      const std::string input = fmt::format("text-{}", i);
      parameters.set(input, MR_TRY(source(at, tag, loop)));
      definitions.set(input, text_definition());
      written += fmt::format("{{{{$.inputs.parameters['{}']}}}}", input);
    }
    output_.executors.set(
        label,
        Value::object({{"container",
                        Value::object({{"image", kImage},
                                       {"command", Value::array({"sh", "-c", kWriteText})},
                                       {"args", Value::array({written, "{{$.outputs.artifacts['file'].path}}"})}})}}));
    Value made = Value::object({{"executorLabel", label}});
    if (!definitions.empty()) made.child("inputDefinitions").set("parameters", std::move(definitions));
    made.child("outputDefinitions").child("artifacts").set("file", file_definition());
    output_.components.set(component, std::move(made));
    Value caller = Value::object(
        {{"componentRef", Value::object({{"name", component}})}, {"taskInfo", Value::object({{"name", name}})}});
    if (!parameters.empty()) caller.child("inputs").set("parameters", std::move(parameters));
    if (!of_one_run) caller.set("cachingOptions", Value::object({{"enableCache", true}}));
    tasks.set(name, std::move(caller));
    return Value::object(
        {{"taskOutputArtifact", Value::object({{"producerTask", name}, {"outputArtifactKey", "file"}})}});
  }

  Status arguments(const Place& at, const std::string& name, const Compiled& callee, bool loop, Value& inputs,
                   Value& files) {
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

  // Text that stands in the callee, whose tags are the callee's inputs.
  Result<Value> constant_file(const Place& at, const std::string& name, const std::string& artifact,
                              const Compiled& callee, const Text& constant, const std::map<std::string, Text>& texts,
                              bool loop, Value& files) {
    Text text;
    for (const Tag& tag : constant) {
      if (tag.kind != Kind::input_parameter) {
        text.push_back(tag);
        continue;
      }
      const auto given = texts.find(tag.name);
      const auto declared = callee.parameters.find(tag.name);
      if (given != texts.end())
        text.insert(text.end(), given->second.begin(), given->second.end());
      else if (declared != callee.parameters.end() && declared->second)
        text.push_back({Kind::text, *declared->second, {}});
      else
        return at.wrong(fmt::format("the template {} has no input parameter \"{}\"", callee.component, tag.name));
    }
    return file_task(at, name, artifact, text, loop, files);
  }

  Result<Value> artifact_source(const Place& at) {
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
      return Value::object({{"taskOutputArtifact",
                             Value::object({{"producerTask", text[0].task}, {"outputArtifactKey", text[0].name}})}});
    }
    return at.wrong("an artifact comes from {{inputs.artifacts.…}} or {{tasks.….outputs.artifacts.…}}");
  }

  // Made once, for all that ask for it.
  Result<Value> root_file(const Place& at, const std::pair<const std::string, Text>& file) {
    const auto made = root_files_.find(file.first);
    if (made != root_files_.end()) return made->second;
    Value source = MR_TRY(file_task(at, "input", file.first, file.second, false, tasks_));
    return root_files_.emplace(file.first, std::move(source)).first->second;
  }

  Result<std::string> condition(const Place& at, bool loop, Value& inputs) {
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

  Status add(const Place& at) {
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
  Value wrap(const std::string& name, const Compiled& callee, Value task, Value inputs, Value files) {
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
          .set(key, Value::object(
                        {{"artifactSelectors",
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

  Status iterate(const Place& at, const std::string& name, const Compiled& callee, Value& outer, Value& after) {
    const auto define = [&](std::string_view input) {
      output_.components.child(outer["componentRef"]["name"].as_string())
          .child("inputDefinitions")
          .child("parameters")
          .set(input, text_definition());
    };
    define(kItem);
    Value iterator = Value::object({{"itemInput", kItem}});
    Value items = at.at["withItems"];
    if (const Place param = at.in("withParam"); !param.at.is_null()) {
      const Text text = MR_TRY(read(param));
      if (is_one_tag(text)) {
        outer.child("inputs").child("parameters").set(kItems, MR_TRY(source(param, text[0], false)));
        define(kItems);
        iterator.set("items", Value::object({{"inputParameter", kItems}}));
      } else {
        auto list = parse_json(param.at.string_or());
        if (!list) return param.wrong("the items are neither one tag nor a list in JSON");
        items = std::move(*list);
      }
    }
    if (!iterator.has("items")) {
      const Place place{items, at.path + ".withItems"};
      if (!items.is_array()) return place.wrong("a list is expected");
      if (items.size() > kMaxItems) return place.wrong(fmt::format("there are more than {} items", kMaxItems));
      Text tags;
      Value marked = MR_TRY(with_marks(place, items, tags, 0));
      if (tags.empty()) {
        iterator.set("items", Value::object({{"raw", to_json(items)}}));
      } else {
        outer.child("inputs").child("parameters").set(kItems, MR_TRY(items_task(place, name, marked, tags)));
        define(kItems);
        iterator.set("items", Value::object({{"inputParameter", kItems}}));
        // What the loop waits for, its items wait for.
        if (!after.empty()) tasks_.child(fmt::format("{}{}", kItemsPrefix, name)).set("dependentTasks", after);
      }
    }
    outer.set("parameterIterator", std::move(iterator));
    if (callee.parallelism > 0) outer.set("iteratorPolicy", Value::object({{"parallelismLimit", callee.parallelism}}));
    return {};
  }

  // The items with a mark in the place of each tag.
  Result<Value> with_marks(const Place& at, const Value& value, Text& tags, std::size_t depth) {
    constexpr std::size_t kMaxDepth = 64;
    if (depth > kMaxDepth) return at.wrong("the items are nested too deeply");
    if (value.is_array()) {
      Value out = Value::array();
      for (const Value& item : value.items()) out.push(MR_TRY(with_marks(at, item, tags, depth + 1)));
      return out;
    }
    if (value.is_object()) {
      Value out = Value::object();
      for (const auto& [key, item] : value.members()) out.set(key, MR_TRY(with_marks(at, item, tags, depth + 1)));
      return out;
    }
    if (!value.is_string()) return value;
    auto text = read_text(value.as_string());
    if (!text) return at.here(text.error());
    std::string out;
    for (Tag& tag : *text) {
      if (tag.kind == Kind::text) {
        out += tag.name;
        continue;
      }
      out += fmt::format("\x01{}\x02", tags.size());
      tags.push_back(std::move(tag));
    }
    return Value(out);
  }

  // A task that puts values into the items of a loop; gives where the list comes from.
  Result<Value> items_task(const Place& at, const std::string& loop, const Value& marked, const Text& tags) {
    const std::string name = fmt::format("{}{}", kItemsPrefix, loop);
    const std::string label = fmt::format("exec-{}-{}", name_, name),
                      component = fmt::format("comp-{}-{}", name_, name);
    Value args = Value::array({"{{$.outputs.parameters['items'].output_file}}", to_json(marked)});
    Value parameters = Value::object(), definitions = Value::object();
    for (std::size_t i = 0; i < tags.size(); ++i) {
      const std::string input = fmt::format("text-{}", i);
      parameters.set(input, MR_TRY(source(at, tags[i], false)));
      definitions.set(input, text_definition());
      args.push(fmt::format("{{{{$.inputs.parameters['{}']}}}}", input));
    }
    output_.executors.set(
        label, Value::object({{"container", Value::object({{"image", kImage},
                                                           {"command", Value::array({"python3", "-c", kFillItems})},
                                                           {"args", std::move(args)}})}}));
    Value made = Value::object({{"executorLabel", label}});
    made.child("inputDefinitions").set("parameters", std::move(definitions));
    made.child("outputDefinitions").child("parameters").set("items", text_definition());
    output_.components.set(component, std::move(made));
    Value caller = Value::object(
        {{"componentRef", Value::object({{"name", component}})}, {"taskInfo", Value::object({{"name", name}})}});
    caller.child("inputs").set("parameters", std::move(parameters));
    tasks_.set(name, std::move(caller));
    return Value::object(
        {{"taskOutputParameter", Value::object({{"producerTask", name}, {"outputParameterKey", "items"}})}});
  }

  Result<Value> dag_outputs() {
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

  const Place& place_;
  const Value& spec_;
  const std::string& name_;
  Scope& scope_;
  const FindTemplate& find_;
  Compiled& compiled_;
  Output& output_;
  std::map<std::string, const Compiled*> callees_;
  std::set<std::string> awaited_;  // tasks that others wait for
  std::string current_;
  std::map<std::string, Value> root_files_;  // where they come from
  Value tasks_ = Value::object();
};

}  // namespace

Result<Value> compile_dag(const Place& place, const Value& spec, const std::string& name, Scope& scope,
                          const FindTemplate& find, Compiled& compiled, Output& output) {
  return Dag(place, spec, name, scope, find, compiled, output).compile();
}

}  // namespace millrace::pipelines::v1
