#include <algorithm>
#include <cmath>
#include <set>

#include <fmt/core.h>

#include "base/json.h"
#include "base/strings.h"
#include "base/yaml.h"
#include "pipelines/spec/endless.h"
#include "pipelines/spec/pipeline_spec.h"
#include "pipelines/spec/reading.h"
#include "pipelines/v1/workflow.h"

namespace millrace::pipelines {
namespace {

// The SDK writes a task's machine settings that come from parameters once more as inputs, which no component declares
// and nothing reads. Source: kubeflow/pipelines sdk/python/kfp/compiler/pipeline_spec_builder.py.
bool is_machine_input(std::string_view key) {
  static constexpr std::string_view kInputs[] = {"cpu_request",  "cpu_limit",        "memory_request",
                                                 "memory_limit", "accelerator_type", "accelerator_count",
                                                 "accelerators", "base_image"};
  return std::find(std::begin(kInputs), std::end(kInputs), key) != std::end(kInputs);
}

using reading::only_known;
using reading::parse_parameter_source;
using reading::refused;
using reading::strings;
using reading::wrong;

constexpr std::size_t kMaxTasksInDag = 10'000;
constexpr int kMaxRetries = 1'000'000;
constexpr double kMaxSeconds = 10 * 365.25 * 86'400;  // of a back-off
constexpr std::size_t kMaxName = 128;                 // bytes, as upstream allows a pipeline's name

// What becomes part of a task's path, and with it the name of a file.
Status usable_name(const Value& at, const std::string& path, std::string_view name) {
  const bool plain =
      std::none_of(name.begin(), name.end(), [](char c) { return c == '/' || (c >= 0 && c < ' ') || c == 0x7f; });
  if (plain && !name.empty() && name != "." && name != ".." && name.size() <= kMaxName) return {};
  return wrong(
      at, path,
      fmt::format("a name here has 1 to {} bytes, no / and no control character, and is not . or ..", kMaxName));
}

Result<ParameterType> parameter_type(const Value& value, const std::string& path) {
  const std::string name = value.string_or();
  for (const ParameterType type : {ParameterType::number_double, ParameterType::number_integer, ParameterType::string,
                                   ParameterType::boolean, ParameterType::list, ParameterType::structure}) {
    if (parameter_type_name(type) == name) return type;
  }
  if (name == "TASK_FINAL_STATUS" || name == "TASK_CONFIG") return ParameterType::structure;
  return wrong(value, path, fmt::format("the parameter type \"{}\" is not known", name));
}

// "60s" → 60.
Result<double> seconds(const Value& value, const std::string& path, double fallback) {
  if (value.is_null()) return fallback;
  std::string_view text = value.is_string() ? std::string_view(value.as_string()) : std::string_view();
  if (!text.ends_with('s')) return wrong(value, path, "a duration is written like 60s");
  text.remove_suffix(1);
  const auto number = parse_double(text);
  if (!number || *number < 0) return wrong(value, path, "a duration is written like 60s");
  if (*number > kMaxSeconds) return wrong(value, path, "a duration may be ten years at most");
  return *number;
}

Result<Iterator> parse_iterator(const Value& value, const Value& policy, const std::string& path) {
  MR_TRY(only_known(value, path, {"items", "itemInput"}));
  MR_TRY(only_known(policy, path, {"parallelismLimit"}));
  Iterator iterator;
  const Value& items = value["items"];
  if (items.has("raw")) {
    auto list = parse_json(items["raw"].string_or());
    if (!list || !list->is_array()) return wrong(items, path + ".items", "the items are not a list in JSON");
    iterator.items = std::move(*list);
  } else {
    iterator.artifacts = items.has("inputArtifact");
    iterator.input = items[iterator.artifacts ? "inputArtifact" : "inputParameter"].string_or();
    if (iterator.input.empty()) return wrong(value, path, "the loop has no items");
  }
  iterator.item = value["itemInput"].string_or();
  if (iterator.item.empty()) return wrong(value, path, "the loop has no itemInput");
  const std::int64_t limit = policy["parallelismLimit"].int_or(0);
  if (limit < 0) return wrong(policy, path, "the parallelismLimit is below 0");
  iterator.limit = static_cast<std::size_t>(limit);
  return iterator;
}

Result<Task> parse_task(const std::string& name, const Value& value, const std::string& path) {
  MR_TRY(only_known(value, path,
                    {"taskInfo", "componentRef", "dependentTasks", "inputs", "cachingOptions", "triggerPolicy",
                     "parameterIterator", "artifactIterator", "iteratorPolicy", "retryPolicy"}));
  Task task;
  task.name = name;
  task.display_name = value["taskInfo"]["name"].string_or(name);
  task.component = value["componentRef"]["name"].string_or();
  task.after = MR_TRY(strings(value["dependentTasks"], path + ".dependentTasks"));
  std::set<std::string> upstream(task.after.begin(), task.after.end());
  for (const auto& [key, source] : value["inputs"]["parameters"].members()) {
    auto parsed = MR_TRY(parse_parameter_source(source, path + ".inputs.parameters." + key));
    if (parsed.kind == ParameterSource::Kind::own_input)
      return wrong(source, path + ".inputs.parameters." + key, "the parameter has no source");
    if (parsed.kind == ParameterSource::Kind::task_output || parsed.kind == ParameterSource::Kind::final_status)
      upstream.insert(parsed.producer);
    task.parameters.emplace(key, std::move(parsed));
  }
  for (const auto& [key, source] : value["inputs"]["artifacts"].members()) {
    ArtifactSource parsed;
    if (source.has("componentInputArtifact")) {
      parsed.name = source["componentInputArtifact"].string_or();
    } else if (source.has("taskOutputArtifact")) {
      parsed.kind = ArtifactSource::Kind::task_output;
      parsed.producer = source["taskOutputArtifact"]["producerTask"].string_or();
      parsed.output_key = source["taskOutputArtifact"]["outputArtifactKey"].string_or();
      upstream.insert(parsed.producer);
    } else {
      return wrong(source, path + ".inputs.artifacts." + key, "the artifact has no source");
    }
    task.artifacts.emplace(key, std::move(parsed));
  }
  task.upstream.assign(upstream.begin(), upstream.end());
  const Value& trigger = value["triggerPolicy"];
  if (trigger.has("condition")) {
    auto condition = expr::Expression::parse(trigger["condition"].string_or());
    if (!condition) return wrong(trigger, path + ".triggerPolicy.condition", condition.error().message);
    task.condition = std::move(*condition);
  }
  for (const char* kind : {"parameterIterator", "artifactIterator"}) {
    if (!value.has(kind)) continue;
    task.iterator = MR_TRY(parse_iterator(value[kind], value["iteratorPolicy"], path + "." + kind));
  }
  const Value& caching = value["cachingOptions"];
  MR_TRY(only_known(caching, path + ".cachingOptions", {"enableCache", "cacheKey"}));
  task.cached = caching["enableCache"].bool_or(false);
  task.cache_key = caching["cacheKey"].string_or();
  const std::string strategy = trigger["strategy"].string_or("ALL_UPSTREAM_TASKS_SUCCEEDED");
  task.runs_after_failure = strategy == "ALL_UPSTREAM_TASKS_COMPLETED";
  if (!task.runs_after_failure && strategy != "ALL_UPSTREAM_TASKS_SUCCEEDED" &&
      strategy != "TRIGGER_STRATEGY_UNSPECIFIED") {
    return wrong(trigger, path + ".triggerPolicy.strategy", fmt::format("the strategy \"{}\" is not known", strategy));
  }
  const Value& retry = value["retryPolicy"];
  const Value& count = retry["maxRetryCount"];
  if (!count.is_null() &&
      (!has_type(count, ParameterType::number_integer) || count.as_double() < 0 || count.as_double() > kMaxRetries))
    return wrong(count, path + ".retryPolicy.maxRetryCount",
                 fmt::format("a whole number from 0 to {} is expected", kMaxRetries));
  task.retry.max_retries = count.is_null() ? 0 : count.as_int();
  task.retry.backoff_seconds = MR_TRY(seconds(retry["backoffDuration"], path + ".retryPolicy.backoffDuration", 0));
  task.retry.backoff_factor = retry["backoffFactor"].double_or(2);
  if (task.retry.backoff_factor < 0)
    return wrong(retry["backoffFactor"], path + ".retryPolicy.backoffFactor", "a number not below 0 is expected");
  task.retry.backoff_max_seconds =
      MR_TRY(seconds(retry["backoffMaxDuration"], path + ".retryPolicy.backoffMaxDuration", 3600));
  return task;
}

Status check_acyclic(const Dag& dag, const Value& at, const std::string& path) {
  std::map<std::string_view, std::size_t> waiting;
  std::map<std::string_view, std::vector<std::string_view>> downstream;
  std::vector<std::string_view> ready;
  for (const Task& task : dag.tasks) {
    waiting[task.name] = task.upstream.size();
    for (const std::string& name : task.upstream) downstream[name].push_back(task.name);
    if (task.upstream.empty()) ready.push_back(task.name);
  }
  std::size_t done = 0;
  while (!ready.empty()) {
    const std::string_view name = ready.back();
    ready.pop_back();
    ++done;
    for (const std::string_view next : downstream[name]) {
      if (--waiting[next] == 0) ready.push_back(next);
    }
  }
  if (done == dag.tasks.size()) return {};
  for (const Task& task : dag.tasks) {
    if (waiting[task.name] > 0)
      return wrong(at, path + "." + task.name, "the task waits, through others, for itself (a cycle)");
  }
  return {};
}

Result<Dag> parse_dag(const Value& value, const std::string& path) {
  MR_TRY(only_known(value, path, {"tasks", "outputs"}));
  Dag dag;
  if (value["tasks"].size() > kMaxTasksInDag)
    return wrong(value, path, fmt::format("more than {} tasks", kMaxTasksInDag));
  for (const auto& [name, task] : value["tasks"].members()) {
    MR_TRY(usable_name(task, path + ".tasks", name));
    dag.tasks.push_back(MR_TRY(parse_task(name, task, path + ".tasks." + name)));
  }
  std::set<std::string_view> names;
  for (const Task& task : dag.tasks) names.insert(task.name);
  for (const Task& task : dag.tasks) {
    for (const std::string& name : task.upstream) {
      if (!names.contains(name))
        return wrong(value["tasks"][task.name], path + ".tasks." + task.name,
                     fmt::format("it waits for the task \"{}\", which is not there", name));
    }
  }
  MR_TRY(check_acyclic(dag, value["tasks"], path + ".tasks"));
  for (const auto& [name, output] : value["outputs"]["parameters"].members()) {
    std::vector<OutputSource>& sources = dag.parameters[name];
    const auto add = [&](const Value& selector) {
      sources.push_back({selector["producerSubtask"].string_or(), selector["outputParameterKey"].string_or()});
    };
    if (output.has("valueFromOneof")) {
      for (const Value& selector : output["valueFromOneof"]["parameterSelectors"].items()) add(selector);
    } else {
      add(output["valueFromParameter"]);
    }
  }
  for (const auto& [name, output] : value["outputs"]["artifacts"].members()) {
    for (const Value& selector : output["artifactSelectors"].items()) {
      dag.artifacts[name].push_back(
          {selector["producerSubtask"].string_or(), selector["outputArtifactKey"].string_or()});
    }
  }
  for (const auto* outputs : {&dag.parameters, &dag.artifacts}) {
    for (const auto& [name, sources] : *outputs) {
      if (sources.empty())
        return wrong(value["outputs"], path + ".outputs", fmt::format("the output {} comes from nowhere", name));
      for (const OutputSource& source : sources) {
        if (!names.contains(source.producer))
          return wrong(
              value["outputs"], path + ".outputs",
              fmt::format("the output {} comes from the task \"{}\", which is not there", name, source.producer));
      }
    }
  }
  return dag;
}

Result<Component> parse_component(const std::string& name, const Value& value, const std::string& path) {
  MR_TRY(only_known(value, path,
                    {"inputDefinitions", "outputDefinitions", "executorLabel", "dag", "singlePlatformSpecs",
                     "taskConfigPassthroughs"}));
  Component component;
  component.name = name;
  if (const Value& platforms = value["singlePlatformSpecs"]; !platforms.empty())
    return refused(platforms, path + ".singlePlatformSpecs", "singlePlatformSpecs are");
  component.passed_on = MR_TRY(reading::parse_passthroughs(value["taskConfigPassthroughs"], path));
  const std::string in = path + ".inputDefinitions.parameters.";
  for (const auto& [key, parameter] : value["inputDefinitions"]["parameters"].members()) {
    ParameterSpec spec;
    spec.type = MR_TRY(parameter_type(parameter["parameterType"], in + key));
    spec.optional = parameter["isOptional"].bool_or(false) || parameter.has("defaultValue");
    if (parameter.has("defaultValue")) {
      spec.default_value = parameter["defaultValue"];
      if (!spec.default_value->is_null() && !has_type(*spec.default_value, spec.type)) {
        return wrong(parameter, in + key,
                     fmt::format("the default is {}, the type {}", spec.default_value->kind_with_article(),
                                 parameter_type_name(spec.type)));
      }
    }
    spec.literals = parameter["literals"].items();
    if (parameter["parameterType"].string_or() == "TASK_CONFIG") {
      component.task_config = key;
      spec.optional = true;  // nobody but the server gives it
    }
    component.parameters.emplace(key, std::move(spec));
  }
  const auto artifact = [](const Value& at) {
    return ArtifactSpec{at["artifactType"]["schemaTitle"].string_or("system.Artifact"),
                        at["artifactType"]["schemaVersion"].string_or("0.0.1"), at["isOptional"].bool_or(false),
                        at["isArtifactList"].bool_or(false)};
  };
  for (const auto& [key, at] : value["inputDefinitions"]["artifacts"].members()) {
    component.artifacts.emplace(key, artifact(at));
  }
  for (const auto& [key, at] : value["outputDefinitions"]["parameters"].members()) {
    MR_TRY(usable_name(at, path + ".outputDefinitions.parameters", key));
    component.output_parameters.emplace(
        key, MR_TRY(parameter_type(at["parameterType"], path + ".outputDefinitions.parameters." + key)));
  }
  for (const auto& [key, at] : value["outputDefinitions"]["artifacts"].members()) {
    MR_TRY(usable_name(at, path + ".outputDefinitions.artifacts", key));
    component.output_artifacts.emplace(key, artifact(at));
  }
  if (value.has("dag"))
    component.dag = MR_TRY(parse_dag(value["dag"], path + ".dag"));
  else
    component.executor = value["executorLabel"].string_or();
  if (!component.dag && component.executor.empty())
    return wrong(value, path, "a component needs an executorLabel or a dag");
  return component;
}

// May a value of one type go where another is wanted? As in KFP's driver: anything may be text (its JSON), and one kind
// of number the other, if it turns out to be one; a text is never parsed.
bool may_be_given(ParameterType given, ParameterType wanted) {
  const auto number = [](ParameterType type) {
    return type == ParameterType::number_integer || type == ParameterType::number_double;
  };
  return given == wanted || wanted == ParameterType::string || (number(given) && number(wanted));
}

Status check_references(const PipelineSpec& pipeline, const Component& component, const Value& at,
                        const std::string& path) {
  if (!component.dag) {
    if (!pipeline.executors.contains(component.executor))
      return wrong(at, path, fmt::format("the executor \"{}\" is not there", component.executor));
    return {};
  }
  for (const Task& task : component.dag->tasks) {
    const std::string task_path = path + ".dag.tasks." + task.name;
    const Value& task_at = at["dag"]["tasks"][task.name];
    const auto target = pipeline.components.find(task.component);
    if (target == pipeline.components.end())
      return wrong(task_at, task_path, fmt::format("the component \"{}\" is not there", task.component));
    if (task.iterator) {
      if (!target->second.dag) return refused(task_at, task_path, "loops over a single task are");
      const Iterator& loop = *task.iterator;
      if (loop.artifacts ? !target->second.artifacts.contains(loop.item)
                         : !target->second.parameters.contains(loop.item))
        return wrong(task_at, task_path,
                     fmt::format("the component {} has no input \"{}\"", task.component, task.iterator->item));
      if (!loop.items && !(loop.artifacts ? task.artifacts.contains(loop.input) : task.parameters.contains(loop.input)))
        return wrong(task_at, task_path,
                     fmt::format("the task has no input \"{}\" to loop over", task.iterator->input));
    }
    for (const auto& [key, source] : task.parameters) {
      const std::string input_path = task_path + ".inputs.parameters." + key;
      const Value& input_at = task_at["inputs"]["parameters"][key];
      // pipelinechannel-- inputs carry values that constants of other inputs refer to.
      const auto declared = target->second.parameters.find(key);
      if (declared == target->second.parameters.end()) {
        if (!key.starts_with("pipelinechannel--") && !is_machine_input(key))
          return wrong(input_at, input_path, fmt::format("the component {} has no such input", task.component));
      } else if (source.kind == ParameterSource::Kind::constant && !source.constant.is_null() &&
                 !has_type(source.constant, declared->second.type) &&
                 !(source.constant.is_string() && source.constant.as_string().find("{{$") != std::string::npos)) {
        return wrong(input_at, input_path,
                     fmt::format("the value is {}, but {} is expected", source.constant.kind_with_article(),
                                 parameter_type_name(declared->second.type)));
      }
      if (source.kind == ParameterSource::Kind::component_input && !component.parameters.contains(source.name)) {
        return wrong(input_at, input_path, fmt::format("the pipeline has no input parameter \"{}\"", source.name));
      }
      if (source.kind == ParameterSource::Kind::task_output) {
        const Component& producer = pipeline.components.at(component.dag->find(source.producer)->component);
        if (!producer.output_parameters.contains(source.output_key)) {
          return wrong(input_at, input_path,
                       fmt::format("the task {} has no output parameter \"{}\"", source.producer, source.output_key));
        }
        // What a group gives is known when it ran: a loop makes lists, a branch may leave nothing.
        const ParameterType given = producer.output_parameters.at(source.output_key);
        if (declared != target->second.parameters.end() && !producer.dag && source.member.empty() &&
            !may_be_given(given, declared->second.type)) {
          return wrong(
              input_at, input_path,
              fmt::format("the output \"{}\" of the task {} is {}, but {} is expected", source.output_key,
                          source.producer, parameter_type_name(given), parameter_type_name(declared->second.type)));
        }
      }
    }
    for (const auto& [key, spec] : target->second.parameters) {
      const bool looped = task.iterator && task.iterator->item == key;
      if (!spec.optional && !looped && !task.parameters.contains(key))
        return wrong(task_at, task_path, fmt::format("the input \"{}\" of {} is missing", key, task.component));
    }
  }
  return {};
}

}  // namespace

std::string_view parameter_type_name(ParameterType type) {
  switch (type) {
    case ParameterType::number_double:
      return "NUMBER_DOUBLE";
    case ParameterType::number_integer:
      return "NUMBER_INTEGER";
    case ParameterType::string:
      return "STRING";
    case ParameterType::boolean:
      return "BOOLEAN";
    case ParameterType::list:
      return "LIST";
    case ParameterType::structure:
      return "STRUCT";
  }
  return "STRING";
}

bool has_type(const Value& value, ParameterType type) {
  switch (type) {
    case ParameterType::number_double:
      return value.is_number();
    case ParameterType::number_integer:
      return value.is_number() && std::nearbyint(value.as_double()) == value.as_double();
    case ParameterType::string:
      return value.is_string();
    case ParameterType::boolean:
      return value.is_bool();
    case ParameterType::list:
      return value.is_array();
    case ParameterType::structure:
      return value.is_object();
  }
  return false;
}

const Task* Dag::find(std::string_view name) const {
  for (const Task& task : tasks) {
    if (task.name == name) return &task;
  }
  return nullptr;
}

Result<PipelineSpec> parse_pipeline_spec(const Value& spec, const Value& platform) {
  if (!spec.is_object() || !spec.has("pipelineInfo") || !spec.has("root")) {
    return fail(Code::invalid_argument,
                "this is not a KFP pipeline: it has no pipelineInfo and root; compile one with "
                "kfp.compiler.Compiler().compile(…)");
  }
  MR_TRY(only_known(
      spec, "pipeline",
      {"pipelineInfo", "deploymentSpec", "sdkVersion", "schemaVersion", "components", "root", "defaultPipelineRoot"}));
  if (spec["schemaVersion"].string_or() != "2.1.0") {
    return wrong(spec["schemaVersion"], "schemaVersion",
                 fmt::format("\"{}\" is not known; 2.1.0 is, which every SDK since 2.0 writes",
                             spec["schemaVersion"].string_or()));
  }
  PipelineSpec pipeline;
  pipeline.name = spec["pipelineInfo"]["name"].string_or();
  if (pipeline.name.empty()) return wrong(spec["pipelineInfo"], "pipelineInfo.name", "the pipeline has no name");
  MR_TRY(usable_name(spec["pipelineInfo"]["name"], "pipelineInfo.name", pipeline.name));
  pipeline.display_name = spec["pipelineInfo"]["displayName"].string_or(pipeline.name);
  pipeline.description = spec["pipelineInfo"]["description"].string_or();
  pipeline.default_root = spec["defaultPipelineRoot"].string_or();
  for (const auto& [label, executor] : spec["deploymentSpec"]["executors"].members()) {
    pipeline.executors.emplace(label, MR_TRY(reading::parse_executor(executor, "deploymentSpec.executors." + label)));
  }
  for (const auto& [name, component] : spec["components"].members()) {
    pipeline.components.emplace(name, MR_TRY(parse_component(name, component, "components." + name)));
  }
  pipeline.root = MR_TRY(parse_component("root", spec["root"], "root"));
  if (!pipeline.root.dag) return wrong(spec["root"], "root", "the root needs a dag");
  for (const auto& [name, component] : pipeline.components)
    MR_TRY(check_references(pipeline, component, spec["components"][name], "components." + name));
  MR_TRY(check_references(pipeline, pipeline.root, spec["root"], "root"));
  if (const auto endless = find_endless(pipeline))
    return wrong(spec["components"][endless->component]["dag"]["tasks"][endless->task],
                 fmt::format("components.{}.dag.tasks.{}", endless->component, endless->task),
                 "the task leads back to the component that it is in, with no condition on the way that could end it");
  MR_TRY(reading::parse_platform(platform, pipeline));
  reading::pass_settings_on(pipeline);
  return pipeline;
}

namespace {

// kfp's compiler writes a pipeline as objects for a cluster, too (kubernetes_manifest_format): a PipelineVersion, which
// holds it, and before it the Pipeline that it is one of, which says nothing more than names.
bool is_manifest(const Value& document, std::string_view kind) {
  return document["kind"].string_or() == kind &&
         document["apiVersion"].string_or().starts_with("pipelines.kubeflow.org/");
}

}  // namespace

Result<Package> unwrap_package(const Value& value) {
  Package package{value, Value()};
  if (value.has("pipeline_spec"))
    package = {value["pipeline_spec"], value["platform_spec"]};
  else if (value.has("pipelineSpec") && value["pipelineSpec"].is_object())
    package = {value["pipelineSpec"], value["platformSpec"]};
  else if (is_manifest(value, "PipelineVersion"))
    package = {value["spec"]["pipelineSpec"], value["spec"]["platformSpec"]};
  if (!v1::is_workflow(package.spec)) return package;
  auto translated = MR_TRY(v1::translate(package.spec));
  return Package{std::move(translated.spec), std::move(translated.platform), std::move(package.spec)};
}

Result<Package> read_package(std::string_view text) {
  auto documents = parse_yaml_documents(text);
  if (!documents) return fail(Code::invalid_argument, "this is not a KFP pipeline: " + documents.error().message);
  if (documents->empty()) return fail(Code::invalid_argument, "this is not a KFP pipeline: the file is empty");
  if (documents->size() == 2 && is_manifest((*documents)[0], "Pipeline")) documents->erase(documents->begin());
  if (documents->size() > 2)
    return fail(Code::invalid_argument, "this is not a KFP pipeline: it has more than two documents");
  Package package = MR_TRY(unwrap_package((*documents)[0]));
  if (documents->size() == 2) package.platform = (*documents)[1];
  return package;
}

}  // namespace millrace::pipelines
