// A resource template: dsl.VolumeOp. A claim is made by the task that makes kfp-kubernetes' claims, and deleted by its
// sibling; any other object of a cluster is refused.

#include <fmt/core.h>

#include "base/json.h"
#include "base/yaml.h"
#include "pipelines/v1/compiled.h"

namespace millrace::pipelines::v1 {
namespace {

using Kind = Tag::Kind;

constexpr std::string_view kClaim = "PersistentVolumeClaim";
constexpr std::string_view kTask = "claim";                 // the one task of the dag
constexpr std::string_view kChannel = "pipelinechannel--";  // inputs that no component declares

struct Read {
  std::string_view path, output;  // what Argo reads from the object, and the claim task's output that says so
};
constexpr Read kOutputs[] = {{"{}", "manifest"}, {"{.metadata.name}", "name"}, {"{.status.capacity.storage}", "size"}};

class Claim {
 public:
  Claim(const Place& place, const Value& spec, const std::string& name) : place_(place), spec_(spec), name_(name) {}

  Result<Compiled> make(Output& output) {
    const Place resource = place_.in("resource");
    MR_TRY(only_known(place_, {"name", "resource", "inputs", "outputs", "metadata"}));
    MR_TRY(only_known(resource, {"action", "manifest", "setOwnerReference"}));
    const std::string action = resource.at["action"].string_or();
    const std::string text = resource.at["manifest"].string_or();
    auto manifest = text.empty() ? Result<Value>(Value()) : parse_yaml(text);
    if (!manifest) return resource.in("manifest").wrong("it is no YAML: " + manifest.error().message);
    const std::string kind = (*manifest)["kind"].string_or();
    if (kind != kClaim || action != "create") {
      return resource.refused(fmt::format(
          "a template of the kind resource is not executed unless it creates a {}, and this one is to {} a {}", kClaim,
          action, kind.empty() ? "nothing" : kind));
    }
    const Place object{*manifest, resource.path + ".manifest"};
    MR_TRY(only_known(object, {"apiVersion", "kind", "metadata", "spec"}));
    const Place claim = object.in("spec");
    // What kind of disk it is to be, and what it is to begin with, are a cluster's.
    MR_TRY(only_known(claim, {"accessModes", "resources", "storageClassName", "volumeName"}));
    MR_TRY(only_known(object.in("metadata"), {"name", "annotations", "labels"}));
    MR_TRY(read_inputs());
    MR_TRY(read_outputs());
    MR_TRY(set("pvc_name", object.in("metadata").in("name")));
    MR_TRY(set("size", claim.in("resources").in("requests").in("storage")));
    parameters_.set("access_modes", constant_source(claim.at["accessModes"]));
    definitions_.set("access_modes", Value::object({{"parameterType", "LIST"}}));
    Value made = Value::object();
    for (const Read& out : kOutputs) made.child("parameters").set(out.output, text_definition());
    return finish("argostub/createpvc", std::move(made), output);
  }

  Result<Compiled> remove(const Place& name, Output& output) {
    MR_TRY(read_inputs());
    MR_TRY(set("pvc_name", name));
    return finish("argostub/deletepvc", Value(), output);
  }

 private:
  Status read_inputs() {
    const Place inputs = place_.in("inputs");
    MR_TRY(only_known(inputs, {"parameters"}));
    return read_parameters(inputs, compiled_);
  }

  Status read_outputs() {
    const Place outputs = place_.in("outputs");
    MR_TRY(only_known(outputs, {"parameters"}));
    for (const Value& parameter : outputs.at["parameters"].items()) {
      const Place at{parameter, outputs.path + ".parameters"};
      MR_TRY(only_known(at, {"name", "valueFrom"}));
      const std::string name = parameter["name"].string_or(), path = parameter["valueFrom"]["jsonPath"].string_or();
      const Read* known = nullptr;
      for (const Read& out : kOutputs) known = out.path == path ? &out : known;
      if (known == nullptr) return at.refused(fmt::format("{} of a claim is not known to Millrace", path));
      compiled_.output_parameters.insert(name);
      dag_.child("outputs")
          .child("parameters")
          .set(name, Value::object({{"valueFromParameter", Value::object({{"producerSubtask", kTask},
                                                                          {"outputParameterKey", known->output}})}}));
    }
    return {};
  }

  // An input of the claim task: text whose tags are the template's inputs or the run's.
  Status set(const std::string& name, const Place& at) {
    const auto parts = read_text(MR_TRY(scalar_text(at)));
    if (!parts) return at.here(parts.error());
    std::string whole;
    for (const Tag& tag : *parts) {
      if (tag.kind == Kind::text) {
        whole += tag.name;
        continue;
      }
      if (is_of_the_run(tag.kind)) {
        whole += placeholder_of_the_run(tag.kind, spec_);
        continue;
      }
      std::string input = tag.name;
      if (tag.kind == Kind::workflow_parameter)
        compiled_.of_the_run.insert(input = workflow_input(tag.name));
      else if (tag.kind != Kind::input_parameter || !compiled_.parameters.contains(tag.name))
        return at.wrong(fmt::format("a tag of \"{}\" has no meaning here", tag.name));
      const std::string channel = std::string(kChannel) + input;
      parameters_.set(channel, Value::object({{"componentInputParameter", input}}));
      whole += fmt::format("{{{{$.inputs.parameters['{}']}}}}", channel);
    }
    parameters_.set(name, constant_source(whole));
    definitions_.set(name, text_definition());
    return {};
  }

  // A dag around the claim task, so that its outputs have the names that the workflow gives them.
  Compiled finish(std::string_view image, Value outputs, Output& output) {
    const std::string label = "exec-" + name_, inner = fmt::format("comp-{}-{}", name_, kTask);
    compiled_.component = "comp-" + name_;
    compiled_.display_name =
        place_.at["metadata"]["annotations"]["pipelines.kubeflow.org/task_display_name"].string_or();
    output.executors.set(label, Value::object({{"container", Value::object({{"image", image}})}}));
    Value component = Value::object({{"executorLabel", label}});
    component.child("inputDefinitions").set("parameters", std::move(definitions_));
    component.set_if(!outputs.is_null(), "outputDefinitions", std::move(outputs));
    output.components.set(inner, std::move(component));
    Value task = Value::object({{"componentRef", Value::object({{"name", inner}})},
                                {"taskInfo", Value::object({{"name", kTask}})},
                                {"inputs", Value::object({{"parameters", std::move(parameters_)}})}});
    dag_.child("tasks").set(kTask, std::move(task));
    Value around = Value::object();
    for (const auto& [name, value] : compiled_.parameters) {
      Value definition = text_definition();
      if (value) definition.set("defaultValue", *value);
      around.child("inputDefinitions").child("parameters").set(name, std::move(definition));
    }
    for (const std::string& name : compiled_.of_the_run)
      around.child("inputDefinitions").child("parameters").set(name, text_definition());
    for (const std::string& name : compiled_.output_parameters)
      around.child("outputDefinitions").child("parameters").set(name, text_definition());
    around.set("dag", std::move(dag_));
    output.components.set(compiled_.component, std::move(around));
    return std::move(compiled_);
  }

  const Place& place_;
  const Value& spec_;
  const std::string& name_;
  Compiled compiled_;
  Value dag_ = Value::object(), parameters_ = Value::object(), definitions_ = Value::object();
};

}  // namespace

Result<Compiled> compile_resource(const Place& place, const Value& spec, const std::string& name, Output& output) {
  return Claim(place, spec, name).make(output);
}

bool deletes_claim(const Value& tmpl) {
  const auto& words = tmpl["container"]["command"].items();
  return words.size() >= 4 && words[0].string_or() == "kubectl" && words[1].string_or() == "delete" &&
         words[2].string_or() == kClaim;
}

Result<Compiled> compile_deletion(const Place& place, const Value& spec, const std::string& name, Output& output) {
  const Place command = place.in("container").in("command");
  return Claim(place, spec, name).remove({command.at.items()[3], command.path}, output);
}

}  // namespace millrace::pipelines::v1
