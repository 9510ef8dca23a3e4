#include <algorithm>
#include <map>
#include <set>
#include <vector>

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
  // What the tasks of each template need of the run, by name: of a template that calls itself it is known when it is
  // translated, and has to be before.
  using NeedsOfTheRun = std::map<std::string, std::set<std::string>>;

  Translator(const Value& workflow, NeedsOfTheRun expected)
      : workflow_(workflow), spec_(workflow["spec"]), expected_(std::move(expected)) {}

  // Of the templates that call themselves; as expected: the translation counts.
  NeedsOfTheRun needs_of_recursive() const {
    NeedsOfTheRun needs;
    for (const std::string& name : recursive_) needs[name] = compiled_.at(name).of_the_run;
    return needs;
  }

  Result<Translated> translate() {
    const Place top{workflow_, "workflow"};
    MR_TRY(only_known(top, {"apiVersion", "kind", "metadata", "spec", "status"}));
    if (const Place metadata = top.in("metadata"); !metadata.at.is_null() && !metadata.at.is_object())
      return metadata.wrong("an object is expected");
    const Place spec{spec_, "spec"};
    // What speaks of a cluster's own record of the run, of pulling images or of evicting pods is satisfied by itself.
    MR_TRY(only_known(spec, {"entrypoint", "templates", "arguments", "serviceAccountName", "onExit", "volumes",
                             "nodeSelector", "imagePullSecrets", "activeDeadlineSeconds", "parallelism", "ttlStrategy",
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
    MR_TRY(only_known(arguments, {"parameters", "artifacts"}));
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
    for (const Value& artifact : arguments.at["artifacts"].items()) {
      const Place at{artifact, arguments.path + ".artifacts"};
      MR_TRY(only_known(at, {"name", "raw"}));
      auto text = read_text(artifact["raw"]["data"].string_or());
      if (!text) return at.here(text.error());
      files_[artifact["name"].string_or()] = std::move(*text);
    }
    return {};
  }

  FindTemplate finder() {
    return [this](const Place& from, const std::string& name) { return find(from, name); };
  }

  Result<const Compiled*> find(const Place& from, const std::string& name) {
    if (const auto done = compiled_.find(name); done != compiled_.end()) return &done->second;
    const auto found = templates_.find(name);
    if (found == templates_.end()) return from.wrong(fmt::format("there is no template \"{}\"", name));
    const bool certain = !from.at.has("when") && !from.at.has("withItems") && !from.at.has("withParam");
    if (const auto itself = under_way_.find(name); itself != under_way_.end()) {
      // Where it comes back to itself by other ways, the IR's reader finds those (spec/endless.h).
      auto after = std::find_if(way_.rbegin(), way_.rend(), [&](const Call& call) { return call.name == name; });
      if (certain && std::all_of(way_.rbegin(), after, [](const Call& call) { return call.certain; }))
        return from.refused(fmt::format("the template {} calls itself with no condition that could end it", name));
      recursive_.insert(name);
      return &itself->second;
    }
    if (under_way_.size() >= kMaxNesting)
      return from.refused(fmt::format("templates are nested deeper than {} levels", kMaxNesting));
    under_way_[name] = MR_TRY(declared(name, *found->second));
    way_.push_back({name, certain});
    Compiled made = MR_TRY(compile(name, *found->second));
    way_.pop_back();
    under_way_.erase(name);
    return &compiled_.emplace(name, std::move(made)).first->second;
  }

  // What a dag's own tasks know of it when they call it, before it is translated.
  Result<Compiled> declared(const std::string& name, const Value& value) {
    Compiled compiled;
    if (!value.has("dag")) return compiled;  // it calls nobody
    MR_TRY(read_inputs({value, "spec.templates." + name}, name, compiled));
    for (const Value& parameter : value["outputs"]["parameters"].items())
      compiled.output_parameters.insert(parameter["name"].string_or());
    for (const Value& artifact : value["outputs"]["artifacts"].items())
      compiled.output_artifacts.insert(artifact["name"].string_or());
    if (const auto needs = expected_.find(name); needs != expected_.end()) compiled.of_the_run = needs->second;
    return compiled;
  }

  Result<Compiled> compile(const std::string& name, const Value& value) {
    const Place at{value, "spec.templates." + name};
    if (value.has("resource")) return compile_resource(at, spec_, name, output_);
    if (deletes_claim(value)) return compile_deletion(at, spec_, name, output_);
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
      for (const char* kind : {"script", "steps", "suspend", "http", "data", "plugin", "containerSet"}) {
        if (at.at.has(kind)) return at.in(kind).refused(fmt::format("a template of the kind {} is not executed", kind));
      }
      return at.wrong("a template needs a container or a dag");
    }
    MR_TRY(only_known(at, {"name", "dag", "inputs", "outputs", "parallelism", "metadata"}));
    MR_TRY(read_inputs(at, name, compiled));
    for (const auto& [input, fallback] : compiled.parameters) scope.parameters.insert(input);
    scope.artifacts.insert(compiled.artifacts.begin(), compiled.artifacts.end());
    return compile_dag(at, spec_, name, scope, finder(), compiled, output_);
  }

  Status read_inputs(const Place& at, const std::string& name, Compiled& compiled) {
    const Place inputs = at.in("inputs");
    MR_TRY(only_known(inputs, {"parameters", "artifacts"}));
    compiled.component = "comp-" + name;
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
    }
    for (const Value& artifact : inputs.at["artifacts"].items()) {
      MR_TRY(only_known({artifact, inputs.path + ".artifacts"}, {"name", "optional"}));
      compiled.artifacts.insert(artifact["name"].string_or());
    }
    return {};
  }

  // What the workflow hands to a template that it calls itself.
  Value arguments_for(const Compiled& callee) const {
    Value parameters = Value::array(), artifacts = Value::array();
    for (const auto& [name, fallback] : callee.parameters) {
      if (!parameters_.has(name)) continue;
      parameters.push(Value::object({{"name", name}, {"value", fmt::format("{{{{workflow.parameters.{}}}}}", name)}}));
    }
    for (const std::string& name : callee.artifacts) {
      if (files_.contains(name))
        artifacts.push(Value::object({{"name", name}, {"from", fmt::format("{{{{inputs.artifacts.{}}}}}", name)}}));
    }
    return Value::object({{"parameters", std::move(parameters)}, {"artifacts", std::move(artifacts)}});
  }

  // A dag around the entry, and around what comes after it.
  Result<Value> around(const Place& spec, const std::string& entry, Scope& scope) {
    const Place exit = spec.in("onExit");
    const bool has_exit = !exit.at.is_null();
    const std::string group = has_exit ? fmt::format("{}{}", kGroupPrefix, entry) : entry;
    const auto task = [](const std::string& name, const std::string& callee, Value arguments) {
      return Value::object({{"name", name}, {"template", callee}, {"arguments", std::move(arguments)}});
    };
    const Compiled* body = MR_TRY(find(spec.in("entrypoint"), entry));
    Value tasks = Value::array({task(group, entry, arguments_for(*body))});
    std::string last;
    if (has_exit) {
      const std::string callee = exit.at.string_or();
      const Compiled* after = MR_TRY(find(exit, callee));
      scope.exit_group = group;
      last = callee == group ? callee + "-exit" : callee;
      tasks.push(task(last, callee, arguments_for(*after)));
    }
    const Value made = Value::object({{"dag", Value::object({{"tasks", std::move(tasks)}})}});
    Compiled compiled;
    Value dag = MR_TRY(compile_dag({made, "spec"}, spec_, "root", scope, finder(), compiled, output_));
    if (has_exit) {
      Value& after = dag.child("tasks").child(last);
      after.set("dependentTasks", Value::array({group}));
      after.set("triggerPolicy", Value::object({{"strategy", "ALL_UPSTREAM_TASKS_COMPLETED"}}));
      after.erase("cachingOptions");
    }
    return dag;
  }

  bool is_called(const std::string& name) const {
    for (const auto& [caller, value] : templates_) {
      for (const Value& task : (*value)["dag"]["tasks"].items()) {
        if (task["template"].string_or() == name) return true;
      }
    }
    return false;
  }

  Result<Value> root_component(const Place& spec) {
    const std::string entry = spec.at["entrypoint"].string_or();
    const auto found = templates_.find(entry);
    if (found == templates_.end())
      return spec.in("entrypoint").wrong(fmt::format("there is no template \"{}\"", entry));
    Value root = Value::object();
    Scope scope;
    scope.is_root = true;
    scope.files = files_;
    for (const auto& [name, definition] : parameters_.members()) scope.parameters.insert(name);
    if (!spec.at.has("onExit") && found->second->has("dag") && !is_called(entry)) {
      // The root is the entry's dag itself.
      const Place at{*found->second, "spec.templates." + entry};
      Compiled compiled;
      Value dag = MR_TRY(dag_of(at, entry, scope, compiled));
      dag.erase("outputs");  // nobody outside can ask for outputs of the whole
      for (const auto& [name, fallback] : compiled.parameters) {
        if (parameters_.has(name)) continue;
        if (!fallback) return at.wrong(fmt::format("the input \"{}\" is no parameter of the workflow", name));
        Value definition = text_definition();
        parameters_.set(name, definition.set("defaultValue", *fallback));
      }
      for (const std::string& name : compiled.artifacts) {
        if (!files_.contains(name)) return at.wrong(fmt::format("the artifact \"{}\" is none of the workflow's", name));
      }
      root.set("dag", std::move(dag));
    } else {
      root.set("dag", MR_TRY(around(spec, entry, scope)));
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
      kubernetes.child("pipelineConfig").set("activeDeadlineSeconds", *seconds);
    }
    if (spec_.has("parallelism")) {
      const Place limit{spec_["parallelism"], "spec.parallelism"};
      const auto number = parse_int(MR_TRY(scalar_text(limit)));
      if (!number || *number <= 0) return limit.wrong("a whole number above 0 is expected");
      kubernetes.child("pipelineConfig").set("parallelism", *number);
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
  std::map<std::string, Text> files_;   // the workflow's artifacts, which are text
  std::map<std::string, Compiled> compiled_;
  std::map<std::string, Compiled> under_way_;  // what is declared of each
  struct Call {
    std::string name;
    bool certain = false;  // it happens whenever its caller runs
  };
  std::vector<Call> way_;  // the same, from the entry on
  std::set<std::string> recursive_;
  NeedsOfTheRun expected_;
  Output output_;
};

}  // namespace

bool is_workflow(const Value& document) {
  return document["kind"].string_or() == "Workflow" && document["apiVersion"].string_or().starts_with("argoproj.io/");
}

Result<Translated> translate(const Value& workflow) {
  // What a template needs of the run only grows with what those need that it calls: one hop more each time.
  Translator::NeedsOfTheRun needs;
  for (std::size_t pass = 0; pass <= kMaxNesting; ++pass) {
    Translator translator(workflow, needs);
    Translated made = MR_TRY(translator.translate());
    Translator::NeedsOfTheRun found = translator.needs_of_recursive();
    if (found == needs) return made;
    needs = std::move(found);
  }
  return fail(Code::unimplemented, "spec.templates: templates that call one another are too entangled to be executed");
}

Value text_parameters(const Value& parameters) {
  Value out = Value::object();
  for (const auto& [name, value] : parameters.members())
    out.set(name, value.is_string() ? value : Value(to_json(value)));
  return out;
}

}  // namespace millrace::pipelines::v1
