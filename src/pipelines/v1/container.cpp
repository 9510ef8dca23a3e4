// A container template: an executor, and a component around it.

#include <algorithm>
#include <vector>

#include <fmt/core.h>

#include "base/json.h"
#include "base/strings.h"
#include "pipelines/v1/compiled.h"

namespace millrace::pipelines::v1 {
namespace {

using Kind = Tag::Kind;

constexpr std::int64_t kMaxRetries = 1'000'000;
constexpr std::string_view kOwn = "pipelines.kubeflow.org/";
constexpr std::string_view kOutputFilesVariable = "MILLRACE_OUTPUT_FILES";

// A file that the template names by a path of its own choice, and what represents it in the IR.
struct File {
  std::string path, placeholder;
};

bool is_name(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

class Container {
 public:
  Container(const Place& place, const Value& spec, const std::string& name) : place_(place), spec_(spec), name_(name) {}

  Result<Compiled> compile(Output& output) {
    MR_TRY(only_known(place_, {"name", "container", "inputs", "outputs", "metadata", "retryStrategy", "nodeSelector",
                               "tolerations", "affinity", "activeDeadlineSeconds", "volumes", "podSpecPatch",
                               "serviceAccountName", "archiveLocation"}));
    const Place location = place_.in("archiveLocation");
    MR_TRY(only_known(location, {"archiveLogs"}));  // logs are kept anyhow
    compiled_.component = "comp-" + name_;
    MR_TRY(inputs());
    MR_TRY(outputs());
    Value config = Value::object();
    Value executor = MR_TRY(container(config));
    MR_TRY(metadata(config));
    MR_TRY(retry());
    MR_TRY(pod_settings(place_, spec_, config));
    const std::string label = "exec-" + name_;
    output.executors.set(label, Value::object({{"container", std::move(executor)}}));
    if (!config.empty()) output.platform.set(label, std::move(config));
    output.components.set(compiled_.component, component(label));
    // What differs from run to run would be taken from an earlier run otherwise.
    if (tells_runs_apart_) compiled_.cached = false;
    return std::move(compiled_);
  }

 private:
  Status inputs() {
    const Place inputs = place_.in("inputs");
    MR_TRY(only_known(inputs, {"parameters", "artifacts"}));
    MR_TRY(read_parameters(inputs, compiled_));
    for (const Value& artifact : inputs.at["artifacts"].items()) {
      const Place at{artifact, inputs.path + ".artifacts"};
      MR_TRY(only_known(at, {"name", "path", "raw", "optional"}));
      const std::string name = artifact["name"].string_or(), path = artifact["path"].string_or();
      MR_TRY(check_name(at, name));
      if (!path.starts_with('/')) return at.wrong(fmt::format("the artifact {} has no absolute path", name));
      compiled_.artifacts.insert(name);
      if (artifact.has("raw")) {
        auto text = read_text(artifact["raw"]["data"].string_or());
        if (!text) return at.here(text.error());
        compiled_.constants[name] = std::move(*text);
      }
      files_.push_back({path, fmt::format("{{{{$.inputs.artifacts['{}'].path}}}}", name)});
      input_paths_[name] = files_.back().placeholder;
    }
    return {};
  }

  Status outputs() {
    const Place outputs = place_.in("outputs");
    MR_TRY(only_known(outputs, {"parameters", "artifacts"}));
    std::map<std::string, std::string> paths;  // by output
    for (const Value& artifact : outputs.at["artifacts"].items()) {
      const Place at{artifact, outputs.path + ".artifacts"};
      MR_TRY(only_known(at, {"name", "path", "optional", "archive"}));
      const std::string name = artifact["name"].string_or();
      MR_TRY(check_name(at, name));
      compiled_.output_artifacts.insert(name);
      paths[name] = artifact["path"].string_or();
    }
    for (const Value& parameter : outputs.at["parameters"].items()) {
      const Place at{parameter, outputs.path + ".parameters"};
      MR_TRY(only_known(at, {"name", "valueFrom"}));
      MR_TRY(only_known(at.in("valueFrom"), {"path"}));
      const std::string name = parameter["name"].string_or(), path = parameter["valueFrom"]["path"].string_or();
      MR_TRY(check_name(at, name));
      compiled_.output_parameters.insert(name);
      compiled_.output_artifacts.insert(name);
      if (paths.contains(name) && paths[name] != path)
        return at.refused(
            fmt::format("an artifact and a parameter named {} at two paths cannot be distinguished", name));
      paths[name] = path;
    }
    for (const auto& [name, path] : paths) {
      if (!path.starts_with('/') || path.find_first_not_of('/') == std::string::npos)
        return outputs.wrong(fmt::format("the output {} has no absolute path", name));
      bool taken = false;
      for (const File& file : files_) taken = taken || file.path == path;
      if (taken) return outputs.refused(fmt::format("the path {} is that of two files, which is not executed", path));
      files_.push_back({path, fmt::format("{{{{$.outputs.artifacts['{}'].path}}}}", name)});
      output_paths_[name] = files_.back().placeholder;
    }
    // The longer path first: it may lie beneath another.
    std::sort(files_.begin(), files_.end(), [](const File& a, const File& b) { return a.path.size() > b.path.size(); });
    return {};
  }

  static Status check_name(const Place& at, const std::string& name) {
    if (name.empty() || name.find_first_of("'{}/") != std::string::npos)
      return at.wrong("an input or output needs a name without quotes, braces and slashes");
    return {};
  }

  // The paths of files become placeholders; a path that only begins like one of them is left alone.
  std::string with_files(std::string_view text) const {
    std::string out;
    for (std::size_t at = 0; at < text.size();) {
      const char before = at == 0 ? '\0' : text[at - 1];
      const File* found = nullptr;
      if (text[at] == '/' && !is_name(before) && before != '.') {
        for (const File& file : files_) {
          if (!text.substr(at).starts_with(file.path)) continue;
          const std::string_view rest = text.substr(at + file.path.size());
          if (!rest.empty() && (is_name(rest[0]) || (rest[0] == '.' && rest.size() > 1 && is_name(rest[1])))) continue;
          found = &file;
          break;
        }
      }
      if (found == nullptr) {
        out += text[at++];
        continue;
      }
      out += found->placeholder;
      at += found->path.size();
    }
    return out;
  }

  Result<std::string> text(const Place& at) {
    const auto parts = read_text(MR_TRY(scalar_text(at)));
    if (!parts) return at.here(parts.error());
    std::string out;
    for (const Tag& tag : *parts) {
      switch (tag.kind) {
        case Kind::text:
          out += with_files(tag.name);
          break;
        case Kind::input_parameter:
          if (!compiled_.parameters.contains(tag.name))
            return at.wrong(fmt::format("the template has no input parameter \"{}\"", tag.name));
          out += fmt::format("{{{{$.inputs.parameters['{}']}}}}", tag.name);
          break;
        case Kind::workflow_parameter:
          compiled_.of_the_run.insert(workflow_input(tag.name));
          out += fmt::format("{{{{$.inputs.parameters['{}']}}}}", workflow_input(tag.name));
          break;
        case Kind::workflow_status:
          compiled_.of_the_run.insert(std::string(kStatusInput));
          out += fmt::format("{{{{$.inputs.parameters['{}']}}}}", kStatusInput);
          break;
        case Kind::input_path:
        case Kind::output_path: {
          const auto& paths = tag.kind == Kind::input_path ? input_paths_ : output_paths_;
          const auto found = paths.find(tag.name);
          if (found == paths.end()) return at.wrong(fmt::format("the template has no file \"{}\"", tag.name));
          out += found->second;
          break;
        }
        default:
          if (!is_of_the_run(tag.kind))
            return at.wrong(fmt::format("a tag of \"{}\" has no meaning in a container", tag.name));
          tells_runs_apart_ = tells_runs_apart_ || tag.kind != Kind::workflow_namespace;
          out += placeholder_of_the_run(tag.kind, spec_);
      }
    }
    return out;
  }

  Result<Value> container(Value& config) {
    const Place at = place_.in("container");
    // The last four are about a terminal that is not there and a message that nobody reads but the cluster.
    MR_TRY(only_known(
        at, {"name", "image", "command", "args", "env", "envFrom", "resources", "imagePullPolicy", "volumeMounts",
             "securityContext", "tty", "stdin", "terminationMessagePath", "terminationMessagePolicy"}));
    Value executor = Value::object({{"image", MR_TRY(text(at.in("image")))}});
    for (const char* field : {"command", "args"}) {
      Value list = Value::array();
      const Place words = at.in(field);
      if (!words.at.is_null() && !words.at.is_array()) return words.wrong("a list of strings is expected");
      for (const Value& word : words.at.items()) list.push(MR_TRY(text({word, words.path})));
      if (!list.empty()) executor.set(field, std::move(list));
    }
    Value variables = Value::array();
    for (const Value& source : at.at["envFrom"].items())
      MR_TRY(environment_from({source, at.path + ".envFrom"}, config));
    for (const Value& variable : at.at["env"].items())
      MR_TRY(environment({variable, at.path + ".env"}, variables, config));
    if (const std::string own = files_of_the_program(executor, variables); !own.empty()) {
      variables.push(Value::object({{"name", kOutputFilesVariable}, {"value", own}}));
    }
    if (!variables.empty()) executor.set("env", std::move(variables));
    Value resources = MR_TRY(container_resources(at.in("resources")));
    if (!resources.empty()) executor.set("resources", std::move(resources));
    return executor;
  }

  // Outputs whose paths the command line does not mention: the program knows them by itself, and finds here the file of
  // each, a line "path=file".
  std::string files_of_the_program(const Value& executor, const Value& variables) const {
    const std::string mentioned = to_json(executor) + to_json(variables);
    std::string lines;
    for (const auto& [name, placeholder] : output_paths_) {
      if (mentioned.find(placeholder) != std::string::npos) continue;
      const auto file = std::ranges::find(files_, placeholder, &File::placeholder);
      if (file != files_.end()) lines += file->path + "=" + placeholder + "\n";
    }
    return lines;
  }

  // The name of a Secret or a ConfigMap: it stands there, or is one of the template's inputs.
  Result<Value> named(const Place& reference, bool secret) const {
    const std::string name = reference.at["name"].string_or();
    const auto parts = read_text(name);
    if (parts && is_one_tag(*parts) && parts->front().kind == Kind::input_parameter &&
        compiled_.parameters.contains(parts->front().name)) {
      return Value::object({{secret ? "secretNameParameter" : "configMapNameParameter",
                             Value::object({{"ownInputParameter", parts->front().name}})}});
    }
    if (name.empty() || !parts || has_tags(*parts))
      return reference.refused("a name that is put together at run time is not looked up");
    return Value::object({{secret ? "secretName" : "configMapName", name}});
  }

  // All keys of a Secret or ConfigMap as variables.
  Status environment_from(const Place& at, Value& config) const {
    MR_TRY(only_known(at, {"secretRef", "configMapRef", "prefix"}));
    const bool secret = at.at.has("secretRef");
    const Place reference = at.in(secret ? "secretRef" : "configMapRef");
    MR_TRY(only_known(reference, {"name", "optional"}));
    Value entry = MR_TRY(named(reference, secret));
    entry.set("allKeys", at.at["prefix"].string_or());
    entry.set_if(reference.at["optional"].bool_or(false), "optional", true);
    config.child(secret ? "secretAsEnv" : "configMapAsEnv").push(std::move(entry));
    return {};
  }

  Status environment(const Place& at, Value& variables, Value& config) {
    MR_TRY(only_known(at, {"name", "value", "valueFrom"}));
    const std::string name = at.at["name"].string_or();
    if (name.empty()) return at.wrong("a variable needs a name");
    const Place from = at.in("valueFrom");
    if (from.at.is_null()) {
      const std::string value = at.at.has("value") ? MR_TRY(text(at.in("value"))) : std::string();
      variables.push(Value::object({{"name", name}, {"value", value}}));
      return {};
    }
    MR_TRY(only_known(from, {"secretKeyRef", "configMapKeyRef", "fieldRef"}));
    if (from.at.has("fieldRef")) {
      config.child("fieldPathAsEnv")
          .push(Value::object({{"name", name}, {"fieldPath", from.at["fieldRef"]["fieldPath"]}}));
      return {};
    }
    const bool secret = from.at.has("secretKeyRef");
    const Place reference = from.in(secret ? "secretKeyRef" : "configMapKeyRef");
    MR_TRY(only_known(reference, {"name", "key", "optional"}));
    const std::string source = reference.at["name"].string_or(), key = reference.at["key"].string_or();
    if (source.empty() || key.empty()) return reference.wrong("a name and a key are expected");
    Value entry = MR_TRY(named(reference, secret));
    if (const auto parts = read_text(key); !parts || has_tags(*parts))
      return reference.refused("a key that is known only at run time is not looked up");
    entry.set("keyToEnv",
              Value::array({Value::object({{secret ? "secretKey" : "configMapKey", key}, {"envVar", name}})}));
    entry.set_if(reference.at["optional"].bool_or(false), "optional", true);
    config.child(secret ? "secretAsEnv" : "configMapAsEnv").push(std::move(entry));
    return {};
  }

  // Quantities that come from parameters stand in the pod's patch.
  Result<Value> container_resources(const Place& at) {
    MR_TRY(only_known(at, {"limits", "requests"}));
    Value out = Value::object();
    MR_TRY(quantities(at, out));
    const Place patch_place = place_.in("podSpecPatch");
    if (patch_place.at.is_null()) return out;
    auto patch = parse_json(patch_place.at.string_or());
    if (!patch) return patch_place.wrong("it is not JSON");
    const Place patched{*patch, patch_place.path};
    MR_TRY(only_known(patched, {"containers"}));
    for (const Value& container : (*patch)["containers"].items()) {
      const Place inside{container, patch_place.path + ".containers"};
      MR_TRY(only_known(inside, {"name", "resources"}));
      if (container["name"].string_or() != "main")
        return inside.refused("a container beside the main one is not executed");
      MR_TRY(only_known(inside.in("resources"), {"limits", "requests"}));
      MR_TRY(quantities(inside.in("resources"), out));
    }
    return out;
  }

  Status quantities(const Place& resources, Value& out) {
    for (const char* side : {"limits", "requests"}) {
      const bool limit = std::string_view(side) == "limits";
      for (const auto& [name, value] : resources.at[side].members()) {
        const Place at{value, resources.path + "." + side + "." + name};
        if (name == "cpu") {
          out.set(limit ? "resourceCpuLimit" : "resourceCpuRequest", MR_TRY(text(at)));
        } else if (name == "memory") {
          out.set(limit ? "resourceMemoryLimit" : "resourceMemoryRequest", MR_TRY(text(at)));
        } else if (name.ends_with("/gpu") || name.find("/tpu") != std::string::npos ||
                   name.find("tpus/") != std::string::npos) {
          out.set("accelerator", Value::object({{"resourceType", name}, {"resourceCount", MR_TRY(text(at))}}));
        } else if (name != "ephemeral-storage" || limit) {  // what is asked for is what the disk has
          return at.refused(fmt::format("the resource {} is not known here", name));
        }
      }
    }
    return {};
  }

  Status metadata(Value& config) {
    const Place at = place_.in("metadata");
    MR_TRY(only_known(at, {"annotations", "labels", "name"}));
    for (const char* kind : {"labels", "annotations"}) {
      for (const auto& [key, value] : at.at[kind].members()) {
        if (key.starts_with(kOwn)) continue;
        config.child("podMetadata").child(kind).set(key, MR_TRY(text({value, at.path + "." + kind})));
      }
    }
    const Value &annotations = at.at["annotations"], &labels = at.at["labels"];
    const auto own = [](const Value& from, std::string_view name) {
      return from[std::string(kOwn) + std::string(name)].string_or();
    };
    compiled_.display_name = own(annotations, "task_display_name");
    // An earlier result may be of any age here, so that a limit to its age means none.
    compiled_.cached = own(labels, "enable_caching") == "true" && own(annotations, "max_cache_staleness").empty();
    return {};
  }

  Status retry() {
    const Place at = place_.in("retryStrategy");
    if (at.at.is_null()) return {};
    MR_TRY(only_known(at, {"limit", "retryPolicy", "backoff"}));
    std::int64_t limit = kMaxRetries;  // none given: for ever
    if (at.at.has("limit")) {
      const auto number = parse_int(MR_TRY(scalar_text(at.in("limit"))));
      if (!number || *number < 0) return at.wrong("the limit is not a whole number from 0");
      limit = std::min(*number, kMaxRetries);
    }
    const std::string policy = at.at["retryPolicy"].string_or("OnFailure");
    // The other two are for what fails before a container has run, and nothing comes before it here.
    if (policy == "OnError" || policy == "OnTransientError") return {};
    if (policy != "Always" && policy != "OnFailure") return at.wrong(fmt::format("the policy {} is not known", policy));
    Value out = Value::object({{"maxRetryCount", limit}});
    const Place backoff = at.in("backoff");
    MR_TRY(only_known(backoff, {"duration", "factor", "maxDuration"}));
    for (const auto& [from, to] :
         {std::pair("duration", "backoffDuration"), std::pair("maxDuration", "backoffMaxDuration")}) {
      if (backoff.at.has(from)) out.set(to, MR_TRY(duration(backoff.in(from))));
    }
    if (backoff.at.has("factor")) {
      const auto factor = parse_double(MR_TRY(scalar_text(backoff.in("factor"))));
      if (!factor || *factor < 0) return backoff.wrong("the factor is not a number from 0");
      out.set("backoffFactor", *factor);
    }
    compiled_.retry = std::move(out);
    return {};
  }

  // Seconds, or "1h30m" as Go writes it.
  static Result<std::string> duration(const Place& at) {
    const std::string given = MR_TRY(scalar_text(at));
    if (const auto seconds = parse_double(given); seconds && *seconds >= 0) return fmt::format("{}s", *seconds);
    double total = 0;
    std::string_view rest = given;
    while (!rest.empty()) {
      const std::size_t digits = std::min(rest.find_first_not_of("0123456789."), rest.size());
      const auto number = parse_double(rest.substr(0, digits));
      rest.remove_prefix(digits);
      const std::string_view unit = rest.substr(0, std::min(rest.find_first_of("0123456789."), rest.size()));
      const double factor = unit == "h" ? 3600 : unit == "m" ? 60 : unit == "s" ? 1 : unit == "ms" ? 0.001 : 0;
      if (!number || factor == 0) return at.wrong(fmt::format("\"{}\" is not a duration", given));
      total += *number * factor;
      rest.remove_prefix(unit.size());
    }
    return fmt::format("{}s", total);
  }

  Value component(const std::string& label) const {
    Value component = Value::object({{"executorLabel", label}});
    Value parameters = Value::object();
    for (const auto& [name, value] : compiled_.parameters) {
      Value definition = text_definition();
      if (value) definition.set("defaultValue", *value);
      parameters.set(name, std::move(definition));
    }
    for (const std::string& name : compiled_.of_the_run) parameters.set(name, text_definition());
    if (!parameters.empty()) component.child("inputDefinitions").set("parameters", std::move(parameters));
    for (const std::string& name : compiled_.artifacts)
      component.child("inputDefinitions").child("artifacts").set(name, file_definition());
    for (const std::string& name : compiled_.output_artifacts)
      component.child("outputDefinitions").child("artifacts").set(name, file_definition());
    for (const std::string& name : compiled_.output_parameters)
      component.child("outputDefinitions").child("parameters").set(name, text_definition());
    return component;
  }

  const Place& place_;
  const Value& spec_;
  const std::string& name_;
  Compiled compiled_;
  std::vector<File> files_;
  std::map<std::string, std::string> input_paths_, output_paths_;
  bool tells_runs_apart_ = false;
};

}  // namespace

Result<Compiled> compile_container(const Place& place, const Value& spec, const std::string& name, Output& output) {
  return Container(place, spec, name).compile(output);
}

}  // namespace millrace::pipelines::v1
