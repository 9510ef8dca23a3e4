#include <set>

#include <fmt/core.h>

#include "base/json.h"
#include "base/strings.h"
#include "pipelines/v1/dag.h"
#include "pipelines/v1/workflow.h"

namespace millrace::pipelines::v1 {
namespace {

constexpr std::size_t kMaxName = 128;  // of a pipeline
// The engine knows a group with an exit task by this name, as the SDK's compiler calls it.
constexpr std::string_view kGroupPrefix = "exit-handler-";

class Translator {
 public:
  explicit Translator(const Value& workflow) : workflow_(workflow), spec_(workflow["spec"]) {}

  Result<Translated> translate() {
    const Place top{workflow_, "workflow"};
    MR_TRY(only_known(top, {"apiVersion", "kind", "metadata", "spec", "status"}));
    const Place spec{spec_, "spec"};
    // What speaks of a cluster's own record of the run, of pulling images or of evicting pods is satisfied by itself.
    MR_TRY(only_known(spec, {"entrypoint", "templates", "arguments", "serviceAccountName", "onExit", "volumes",
                             "nodeSelector", "imagePullSecrets", "activeDeadlineSeconds", "ttlStrategy",
                             "ttlSecondsAfterFinished", "podGC", "podDisruptionBudget", "archiveLogs", "podMetadata"}));
    MR_TRY(only_known(spec.in("podMetadata"), {"annotations", "labels"}));
    MR_TRY(read_templates(spec));
    MR_TRY(read_parameters(spec.in("arguments")));
    Value root = MR_TRY(root_component(spec));
    return documents(std::move(root));
  }

 private:
  Status read_templates(const Place& spec) {
    const Value& list = spec.at["templates"];
    if (!list.is_array() || list.empty()) return spec.wrong("the workflow has no templates");
    if (list.size() > kMaxTemplates) return spec.wrong(fmt::format("there are more than {} templates", kMaxTemplates));
    for (const Value& entry : list.items()) {
      const std::string name = entry["name"].string_or();
      const Place at{entry, "spec.templates." + name};
      if (name.empty()) return at.wrong("a template needs a name");
      if (!templates_.emplace(name, &entry).second) return at.wrong("there are two templates of this name");
    }
    return {};
  }

  Status read_parameters(const Place& arguments) {
    MR_TRY(only_known(arguments, {"parameters"}));
    for (const Value& parameter : arguments.at["parameters"].items()) {
      const Place at{parameter, arguments.path + ".parameters"};
      MR_TRY(only_known(at, {"name", "value", "description", "enum"}));
      const std::string name = parameter["name"].string_or();
      if (name.empty() || name.find_first_of("'{}") != std::string::npos)
        return at.wrong("a parameter needs a name without quotes and braces");
      Value definition = text_definition();
      if (parameter.has("value")) definition.set("defaultValue", MR_TRY(scalar_text(at.in("value"))));
      parameters_.set(name, std::move(definition));
    }
    return {};
  }

  Result<const Compiled*> find(const Place& from, const std::string& name) {
    if (const auto done = compiled_.find(name); done != compiled_.end()) return &done->second;
    const auto found = templates_.find(name);
    if (found == templates_.end()) return from.wrong(fmt::format("there is no template \"{}\"", name));
    if (under_way_.contains(name))
      return from.refused(fmt::format("the template {} calls itself, and recursion is not executed", name));
    if (under_way_.size() >= kMaxNesting)
      return from.refused(fmt::format("templates are nested deeper than {} levels", kMaxNesting));
    under_way_.insert(name);
    Compiled made = MR_TRY(compile(name, *found->second));
    under_way_.erase(name);
    return &compiled_.emplace(name, std::move(made)).first->second;
  }

  Result<Compiled> compile(const std::string& name, const Value& value) {
    const Place at{value, "spec.templates." + name};
    if (value.has("container")) return compile_container(at, spec_, name, output_);
    Compiled compiled;
    Scope scope;
    Value dag = MR_TRY(dag_of(at, name, scope, compiled));
    compiled.of_the_run = scope.of_the_run;
    Value component = Value::object();
    for (const auto& [key, fallback] : compiled.parameters) {
      Value definition = text_definition();
      if (fallback) definition.set("defaultValue", *fallback);
      component.child("inputDefinitions").child("parameters").set(key, std::move(definition));
    }
    for (const std::string& key : compiled.of_the_run)
      component.child("inputDefinitions").child("parameters").set(key, text_definition());
    for (const std::string& key : compiled.artifacts)
      component.child("inputDefinitions").child("artifacts").set(key, file_definition());
    for (const std::string& key : compiled.output_parameters)
      component.child("outputDefinitions").child("parameters").set(key, text_definition());
    for (const std::string& key : compiled.output_artifacts)
      component.child("outputDefinitions").child("artifacts").set(key, file_definition());
    component.set("dag", std::move(dag));
    output_.components.set(compiled.component, std::move(component));
    return compiled;
  }

  // `compiled` gets the template's inputs; `scope` has them, and for the root the workflow's parameters.
  Result<Value> dag_of(const Place& at, const std::string& name, Scope& scope, Compiled& compiled) {
    if (!at.at.has("dag")) {
      for (const char* kind : {"resource", "script", "steps", "suspend", "http", "data", "plugin", "containerSet"}) {
        if (at.at.has(kind)) return at.in(kind).refused(fmt::format("a template of the kind {} is not executed", kind));
      }
      return at.wrong("a template needs a container or a dag");
    }
    MR_TRY(only_known(at, {"name", "dag", "inputs", "outputs", "parallelism", "metadata"}));
    const Place inputs = at.in("inputs");
    MR_TRY(only_known(inputs, {"parameters", "artifacts"}));
    compiled.component = "comp-" + name;
    compiled.is_dag = true;
    compiled.parallelism = at.at["parallelism"].int_or(0);
    if (compiled.parallelism < 0) return at.in("parallelism").wrong("a number from 0 is expected");
    for (const Value& parameter : inputs.at["parameters"].items()) {
      const Place input{parameter, inputs.path + ".parameters"};
      MR_TRY(only_known(input, {"name", "value", "default", "description"}));
      std::optional<std::string> value;
      for (const char* field : {"default", "value"}) {
        if (parameter.has(field)) value = MR_TRY(scalar_text(input.in(field)));
      }
      compiled.parameters[parameter["name"].string_or()] = std::move(value);
      scope.parameters.insert(parameter["name"].string_or());
    }
    for (const Value& artifact : inputs.at["artifacts"].items()) {
      MR_TRY(only_known({artifact, inputs.path + ".artifacts"}, {"name", "optional"}));
      compiled.artifacts.insert(artifact["name"].string_or());
      scope.artifacts.insert(artifact["name"].string_or());
    }
    return compile_dag(
        at, spec_, name, scope, [this](const Place& from, const std::string& callee) { return find(from, callee); },
        compiled, output_);
  }

  // A call from the root: inputs come from the workflow's parameters of the same names.
  Result<Value> call_from_root(const Place& at, const Compiled& callee, const std::string& name,
                               const std::string& group) {
    Value task = call(callee, name);
    Value inputs = Value::object();
    for (const auto& [key, fallback] : callee.parameters) {
      if (parameters_.has(key))
        inputs.set(key, Value::object({{"componentInputParameter", key}}));
      else if (!fallback)
        return at.wrong(fmt::format("the input \"{}\" of the template {} is no parameter of the workflow", key, name));
    }
    if (!callee.artifacts.empty())
      return at.refused(fmt::format("the template {} gets files from outside, which is not executed", name));
    for (const std::string& key : callee.of_the_run) {
      if (key == kStatusInput) {
        if (group.empty()) return at.refused("the workflow's status is known to its exit handler only");
        inputs.set(key, Value::object({{"taskFinalStatus", Value::object({{"producerTask", group}})},
                                       {"parameterExpressionSelector", "parseJson(string_value)[\"phase\"]"}}));
        continue;
      }
      const std::string parameter = key.substr(workflow_input("").size());
      if (!parameters_.has(parameter)) return at.wrong(fmt::format("the workflow has no parameter \"{}\"", parameter));
      inputs.set(key, Value::object({{"componentInputParameter", parameter}}));
    }
    if (!inputs.empty()) task.child("inputs").set("parameters", std::move(inputs));
    return task;
  }

  Result<Value> root_component(const Place& spec) {
    const std::string entry = spec.at["entrypoint"].string_or();
    const auto found = templates_.find(entry);
    if (found == templates_.end())
      return spec.in("entrypoint").wrong(fmt::format("there is no template \"{}\"", entry));
    Value root = Value::object();
    const bool has_exit = spec.at.has("onExit");
    if (!has_exit && found->second->has("dag")) {
      // The root is the entry's dag itself.
      const Place at{*found->second, "spec.templates." + entry};
      Scope scope;
      scope.is_root = true;
      for (const auto& [name, definition] : parameters_.members()) scope.parameters.insert(name);
      under_way_.insert(entry);
      Compiled compiled;
      Value dag = MR_TRY(dag_of(at, entry, scope, compiled));
      // Nobody outside can ask for outputs of the whole.
      dag.erase("outputs");
      for (const auto& [name, fallback] : compiled.parameters) {
        if (parameters_.has(name)) continue;
        if (!fallback) return at.wrong(fmt::format("the input \"{}\" is no parameter of the workflow", name));
        Value definition = text_definition();
        parameters_.set(name, definition.set("defaultValue", *fallback));
      }
      root.set("dag", std::move(dag));
    } else {
      const Compiled* body = MR_TRY(find(spec.in("entrypoint"), entry));
      const std::string group = has_exit ? fmt::format("{}{}", kGroupPrefix, entry) : entry;
      Value tasks = Value::object();
      tasks.set(group, MR_TRY(call_from_root(spec.in("entrypoint"), *body, entry, "")));
      if (has_exit) {
        const Place exit = spec.in("onExit");
        const std::string name = exit.at.string_or();
        Value task = MR_TRY(call_from_root(exit, *MR_TRY(find(exit, name)), name, group));
        task.set("dependentTasks", Value::array({group}));
        task.set("triggerPolicy", Value::object({{"strategy", "ALL_UPSTREAM_TASKS_COMPLETED"}}));
        task.erase("cachingOptions");
        tasks.set(name == group ? name + "-exit" : name, std::move(task));
      }
      root.set("dag", Value::object({{"tasks", std::move(tasks)}}));
    }
    if (!parameters_.empty()) root.child("inputDefinitions").set("parameters", parameters_);
    return root;
  }

  Result<Translated> documents(Value root) {
    const Value& metadata = workflow_["metadata"];
    std::string name = metadata["generateName"].string_or(metadata["name"].string_or());
    while (name.ends_with('-')) name.pop_back();
    if (name.empty()) name = spec_["entrypoint"].string_or();
    if (name.size() > kMaxName) name.resize(kMaxName);
    Value info = Value::object({{"name", name}});
    const Value& annotations = metadata["annotations"];
    if (const auto written = parse_json(annotations["pipelines.kubeflow.org/pipeline_spec"].string_or("{}"))) {
      if ((*written)["name"].is_string()) info.set("displayName", (*written)["name"]);
      if ((*written)["description"].is_string()) info.set("description", (*written)["description"]);
    }
    Value spec = Value::object({{"pipelineInfo", std::move(info)}});
    spec.set("components", std::move(output_.components));
    spec.set("deploymentSpec", Value::object({{"executors", std::move(output_.executors)}}));
    spec.set("root", std::move(root)).set("schemaVersion", "2.1.0");
    spec.set("sdkVersion", "kfp-" + annotations["pipelines.kubeflow.org/kfp_sdk_version"].string_or("1.8"));
    Value kubernetes = Value::object();
    if (!output_.platform.empty())
      kubernetes.set("deploymentSpec", Value::object({{"executors", std::move(output_.platform)}}));
    if (spec_.has("activeDeadlineSeconds")) {
      const Place deadline{spec_["activeDeadlineSeconds"], "spec.activeDeadlineSeconds"};
      const auto seconds = parse_int(MR_TRY(scalar_text(deadline)));
      if (!seconds || *seconds <= 0) return deadline.wrong("a whole number above 0 is expected");
      kubernetes.set("pipelineConfig", Value::object({{"activeDeadlineSeconds", *seconds}}));
    }
    Translated out{std::move(spec), Value()};
    if (!kubernetes.empty())
      out.platform = Value::object({{"platforms", Value::object({{"kubernetes", std::move(kubernetes)}})}});
    return out;
  }

  const Value& workflow_;
  const Value& spec_;
  std::map<std::string, const Value*> templates_;
  Value parameters_ = Value::object();  // the root's inputs
  std::map<std::string, Compiled> compiled_;
  std::set<std::string> under_way_;
  Output output_;
};

}  // namespace

bool is_workflow(const Value& document) {
  return document["kind"].string_or() == "Workflow" && document["apiVersion"].string_or().starts_with("argoproj.io/");
}

Result<Translated> translate(const Value& workflow) { return Translator(workflow).translate(); }

Value text_parameters(const Value& parameters) {
  Value out = Value::object();
  for (const auto& [name, value] : parameters.members())
    out.set(name, value.is_string() ? value : Value(to_json(value)));
  return out;
}

}  // namespace millrace::pipelines::v1
