#include "pipelines/executors/machine.h"

#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <thread>

#include <fmt/core.h>

#include "base/hash.h"
#include "base/json.h"
#include "base/strings.h"
#include "base/untrusted_tree.h"
#include "pipelines/executors/attempt_files.h"
#include "pipelines/executors/inline_tasks.h"
#include "pipelines/executors/local_images.h"
#include "pipelines/executors/quoted.h"
#include "pipelines/executors/settings.h"

namespace millrace::pipelines::executors {
namespace {

constexpr std::size_t kMaxQuoted = 200;  // of a path, in an error

bool holds(const LabelRequirement& requirement, const std::map<std::string, std::string>& labels) {
  const auto found = labels.find(requirement.key);
  const bool has = found != labels.end();
  const bool listed =
      has && std::find(requirement.values.begin(), requirement.values.end(), found->second) != requirement.values.end();
  if (requirement.op == "In") return listed;
  if (requirement.op == "NotIn") return !listed;
  if (requirement.op == "Exists") return has;
  if (requirement.op == "DoesNotExist") return !has;
  const auto mine = has ? parse_int(found->second) : std::nullopt;
  const auto wanted = requirement.values.size() == 1 ? parse_int(requirement.values[0]) : std::nullopt;
  if (!mine || !wanted) return false;
  return requirement.op == "Gt" ? *mine > *wanted : requirement.op == "Lt" && *mine < *wanted;
}

std::string described(const std::map<std::string, std::string>& labels) {
  std::string text;
  for (const auto& [key, value] : labels) text += fmt::format("{}{}={}", text.empty() ? "" : ", ", key, value);
  return text;
}

tl::unexpected<Error> no_node(const std::string& wants, const std::map<std::string, std::string>& labels) {
  return fail(Code::failed_precondition,
              fmt::format("no node fits: the task wants {}, and this machine's node has {}; more labels are given with "
                          "millrace serve --node-label key=value",
                          wants, described(labels)));
}

Status check_labels(const std::vector<std::pair<std::string, std::string>>& wanted,
                    const std::map<std::string, std::string>& labels) {
  for (const auto& [key, value] : wanted) {
    const auto found = labels.find(key);
    if (found == labels.end() || found->second != value) return no_node(fmt::format("{}={}", key, value), labels);
  }
  return {};
}

Status check_terms(const std::vector<std::vector<LabelRequirement>>& terms,
                   const std::map<std::string, std::string>& labels) {
  if (terms.empty()) return {};
  for (const auto& term : terms) {
    if (std::all_of(term.begin(), term.end(), [&](const auto& one) { return holds(one, labels); })) return {};
  }
  return no_node("one of its node affinity terms", labels);
}

Status check_dynamic_placement(const Placement& placement, const engine::Node& node,
                               const std::map<std::string, std::string>& labels) {
  for (const Setting& setting : placement.selectors) {
    std::vector<std::pair<std::string, std::string>> wanted;
    const Value selector = object_of(setting_of(setting, node));  // outlives the loop over its members
    for (const auto& [key, value] : selector.members()) wanted.emplace_back(key, text_of(value));
    MR_TRY(check_labels(wanted, labels));
  }
  for (const Setting& setting : placement.affinities) {
    const Value affinity = object_of(setting_of(setting, node));
    std::vector<std::vector<LabelRequirement>> terms;
    const Value& selector = affinity["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"];
    for (const Value& term : selector.items()) {
      auto& requirements = terms.emplace_back();
      for (const Value& expression : term["matchExpressions"].items()) {
        LabelRequirement one{expression["key"].string_or(), expression["operator"].string_or(), {}};
        for (const Value& value : expression["values"].items()) one.values.push_back(value.string_or());
        requirements.push_back(std::move(one));
      }
    }
    MR_TRY(check_terms(terms, labels));
  }
  return {};
}

Result<double> amount(const std::string& text, std::string_view what) {
  if (text.empty()) return 0.0;
  const auto number = parse_quantity(text);
  if (!number) return fail(Code::invalid_argument, fmt::format("the {} \"{}\" is not a quantity", what, text));
  return *number;
}

double memory_of_machine() {
  struct sysinfo info{};
  return ::sysinfo(&info) == 0 ? static_cast<double>(info.totalram) * info.mem_unit : 1e18;
}

Status check_requests(double cpus, double memory) {
  if (cpus <= 0 && memory <= 0) return {};  // common case; avoids reading /proc
  const unsigned machine = std::max(1u, std::thread::hardware_concurrency());
  if (cpus > machine) {
    return fail(Code::failed_precondition,
                fmt::format("Insufficient cpu: {} are requested, and this machine has {}", cpus, machine));
  }
  if (memory > memory_of_machine()) {
    return fail(Code::failed_precondition,
                fmt::format("Insufficient memory: {:.0f} MiB are requested, and this machine has {:.0f}",
                            memory / 1048576, memory_of_machine() / 1048576));
  }
  return {};
}

Status check_accelerators(const std::string& type, const std::string& count) {
  if (count.empty() || count == "0") return {};
  return fail(Code::failed_precondition, fmt::format("it asks for {} {}, and this machine's node offers none", count,
                                                     type.empty() ? "accelerators" : type));
}

// The text with the task's inputs in it; empty: it says something that is not known yet.
std::string known_text(const std::string& text, const engine::Node& node) {
  constexpr std::string_view kBegin = "{{$.inputs.parameters['", kEnd = "']}}";
  std::string out;
  std::string_view rest = text;
  for (std::size_t at = rest.find("{{$"); at != std::string_view::npos; at = rest.find("{{$")) {
    out += rest.substr(0, at);
    rest.remove_prefix(at);
    const std::size_t end = rest.find(kEnd);
    if (!rest.starts_with(kBegin) || end == std::string_view::npos) return {};
    const Value* value = node.parameters.find(rest.substr(kBegin.size(), end - kBegin.size()));
    if (value == nullptr) return {};
    out += text_of(*value);
    rest.remove_prefix(end + kEnd.size());
  }
  return out.append(rest);
}

Status apply_resources(const Resources& wanted, const PlaceholderContext& context, work::Workload& spec) {
  const double cpu_limit = MR_TRY(amount(MR_TRY(substitute(wanted.cpu_limit, context)), "CPU limit"));
  const double memory_limit = MR_TRY(amount(MR_TRY(substitute(wanted.memory_limit, context)), "memory limit"));
  const double cpus = MR_TRY(amount(MR_TRY(substitute(wanted.cpu_request, context)), "CPU request"));
  const double memory = MR_TRY(amount(MR_TRY(substitute(wanted.memory_request, context)), "memory request"));
  MR_TRY(check_requests(cpus, memory));
  MR_TRY(check_accelerators(MR_TRY(substitute(wanted.accelerator_type, context)),
                            MR_TRY(substitute(wanted.accelerator_count, context))));
  spec.cpus = static_cast<unsigned>(std::ceil(cpu_limit));
  spec.memory_limit_bytes = static_cast<std::uint64_t>(memory_limit);
  return {};
}

using Keys = std::map<std::string, std::string>;

// nullopt: it is not there, and may be missing.
Result<std::optional<Keys>> read_keys(const Hooks& hooks, const RunContext& run, bool secret, const std::string& name,
                                      bool optional) {
  MR_TRY(check_named(run.rights.get(), secret ? Named::secret : Named::config_map, name));
  const auto& read = secret ? hooks.secret : hooks.config_map;
  if (!read) return fail(Code::unimplemented, fmt::format("there are no {} here", secret ? "secrets" : "config maps"));
  auto keys = read(name);
  if (keys) return std::optional<Keys>(std::move(*keys));
  if (optional && keys.error().code == Code::not_found) return std::optional<Keys>();
  return fail(keys.error());
}

bool is_variable_name(std::string_view name) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
           c == '.';
  };
  return !name.empty() && (name[0] < '0' || name[0] > '9') && std::all_of(name.begin(), name.end(), allowed);
}

Status apply_keys(const Hooks& hooks, const RunContext& run, const engine::Node& node, const Executor& executor,
                  work::Workload& spec) {
  for (const KeysAsEnv& wanted : executor.env_from_keys) {
    if (is_left_open(wanted.name, node)) continue;
    const std::string name = text_of(setting_of(wanted.name, node));
    const auto keys = MR_TRY(read_keys(hooks, run, wanted.secret, name, wanted.optional));
    if (!keys) continue;
    if (wanted.prefix) {
      // As in Kubernetes, a key that cannot be a variable's name is left out.
      for (const auto& [key, value] : *keys) {
        if (is_variable_name(*wanted.prefix + key)) set_variable(spec, *wanted.prefix + key, value);
      }
    }
    for (const auto& [key, variable] : wanted.key_to_variable) {
      const auto found = keys->find(key);
      if (found == keys->end()) {
        if (wanted.optional) continue;
        return fail(Code::not_found,
                    fmt::format("the {} {} has no key {}", wanted.secret ? "secret" : "config map", name, key));
      }
      set_variable(spec, variable, found->second);
    }
  }
  for (const KeysAsFiles& wanted : executor.files_from_keys) {
    if (is_left_open(wanted.name, node)) continue;
    const std::string name = text_of(setting_of(wanted.name, node));
    const auto keys = MR_TRY(read_keys(hooks, run, wanted.secret, name, wanted.optional));
    work::Mount mount;
    mount.kind = work::Mount::Kind::files;
    mount.target = wanted.mount_path;
    if (keys) mount.files.assign(keys->begin(), keys->end());
    spec.sandbox->mounts.push_back(std::move(mount));
  }
  return {};
}

Status apply_volumes(const Options& options, const RunContext& run, const engine::Node& node, const Executor& executor,
                     work::Workload& spec) {
  std::size_t number = 0;
  for (const VolumeMount& wanted : executor.volumes) {
    work::Mount mount;
    mount.target = wanted.mount_path;
    switch (wanted.kind) {
      case VolumeMount::Kind::memory:
        mount.kind = work::Mount::Kind::memory;
        mount.size_bytes = wanted.size_bytes;
        break;
      case VolumeMount::Kind::scratch: {
        const std::string inside = "volumes/" + std::to_string(number++);
        const UntrustedTree own = MR_TRY(make_attempt(options, run.run_id, node.path, node.attempt, {inside}));
        mount.source = run_directory(options, run.run_id);
        mount.below = own.root().lexically_relative(mount.source) / inside;
        break;
      }
      case VolumeMount::Kind::claim: {
        if (is_left_open(wanted.claim, node)) continue;
        MR_TRY(check_claim(options, run, text_of(setting_of(wanted.claim, node))));
        mount.source = MR_TRY(claim_directory(options, text_of(setting_of(wanted.claim, node))));
        mount.below = wanted.sub_path;
        const UntrustedTree claim = MR_TRY(make_shared_directory(mount.source));
        const Status made = make_shared_part(claim, wanted.sub_path);
        if (!made)
          return fail(made.error().code,
                      fmt::format("the claim {} has no usable directory {}: {}", mount.source.filename().native(),
                                  quoted(wanted.sub_path, kMaxQuoted), made.error().message));
        break;
      }
    }
    spec.sandbox->mounts.push_back(std::move(mount));
  }
  return {};
}

// The downward API. Source: Kubernetes, "Downward API", available fields.
Result<std::string> field(const std::string& path, const Options& options, const RunContext& run,
                          const engine::Node& node, const Executor& executor) {
  if (path == "metadata.name") return pod_name(run, node);
  if (path == "metadata.namespace") return std::string("kubeflow");
  if (path == "metadata.uid") return launch_key(run.run_id, node.path, node.attempt);
  if (path == "spec.serviceAccountName") return run.service_account.empty() ? "pipeline-runner" : run.service_account;
  if (path == "spec.nodeName") return node_labels(options).at("kubernetes.io/hostname");
  if (path == "status.hostIP" || path == "status.podIP" || path == "status.hostIPs" || path == "status.podIPs")
    return std::string("127.0.0.1");
  // What the task was given, and what upstream writes on every pod.
  auto labels = executor.labels, annotations = executor.annotations;
  labels.insert({{"pipeline/runid", run.run_id}, {"workflows.argoproj.io/workflow", run.resource_name}});
  annotations.insert({{"pipelines.kubeflow.org/run_name", run.display_name}});
  for (const auto& [begin, map] : {std::pair{std::string_view("metadata.labels['"), &labels},
                                   std::pair{std::string_view("metadata.annotations['"), &annotations}}) {
    if (!path.starts_with(begin) || !path.ends_with("']")) continue;
    const auto found = map->find(path.substr(begin.size(), path.size() - begin.size() - 2));
    return found == map->end() ? std::string() : found->second;
  }
  return fail(Code::invalid_argument, fmt::format("the field {} of a pod is not known", path));
}

Status check_user(const Executor& executor) {
  const auto differs = [](const std::optional<std::int64_t>& wanted, unsigned mine) {
    return wanted && *wanted != static_cast<std::int64_t>(mine);
  };
  if (differs(executor.run_as_user, ::geteuid()) || differs(executor.run_as_group, ::getegid())) {
    return fail(Code::failed_precondition,
                fmt::format("the security context asks for user {} and group {}; tasks run as the server's user, {}:{}",
                            executor.run_as_user.value_or(::geteuid()), executor.run_as_group.value_or(::getegid()),
                            ::geteuid(), ::getegid()));
  }
  if (executor.run_as_non_root && ::geteuid() == 0)
    return fail(Code::failed_precondition, "the security context forbids root, and the server runs as root");
  return {};
}

}  // namespace

void set_variable(work::Workload& spec, const std::string& name, const std::string& value) {
  for (auto& entry : spec.environment) {
    if (entry.first == name) {
      entry.second = value;
      return;
    }
  }
  spec.environment.emplace_back(name, value);
}

std::map<std::string, std::string> node_labels(const Options& options) {
  struct utsname name{};
  (void)::uname(&name);
  const std::string machine = name.machine;
  const std::string arch = machine == "x86_64" ? "amd64" : machine == "aarch64" ? "arm64" : machine;
  std::map<std::string, std::string> labels = {
      {"kubernetes.io/os", "linux"}, {"kubernetes.io/arch", arch}, {"kubernetes.io/hostname", name.nodename}};
  for (const auto& [key, value] : options.node_labels) labels[key] = value;
  return labels;
}

Status check_executor(const Options& options, const Hooks& hooks, const std::map<std::string, std::string>& labels,
                      const Executor& executor, const engine::Node& node) {
  MR_TRY(check_labels(executor.placement.labels, labels));
  MR_TRY(check_terms(executor.placement.required, labels));
  MR_TRY(check_dynamic_placement(executor.placement, node, labels));
  const bool contained = is_contained(options, hooks, executor);
  if (!contained) {
    MR_TRY(check_user(executor));
    const std::string image = known_text(executor.image, node);
    MR_TRY(check_has_code(options, executor, image.empty() ? executor.image : image));
  }
  const Resources& wanted = executor.resources;
  MR_TRY(check_accelerators(known_text(wanted.accelerator_type, node), known_text(wanted.accelerator_count, node)));
  MR_TRY(check_requests(MR_TRY(amount(known_text(wanted.cpu_request, node), "CPU request")),
                        MR_TRY(amount(known_text(wanted.memory_request, node), "memory request"))));
  if (executor.needs_mounts() && !contained && !(hooks.sandboxed && hooks.sandboxed())) {
    return fail(Code::failed_precondition,
                "it mounts volumes, which needs mount namespaces, and this machine gives the server none: run it as "
                "root, or on a kernel that allows user namespaces");
  }
  return {};
}

Result<Value> outer_settings(const Options& options, const Hooks& hooks, const RunContext& run,
                             const engine::Node& node, const Executor& executor) {
  Value out = Value::array();
  for (const auto& [variable, path] : executor.env_from_fields)
    out.push(Value::array({variable, MR_TRY(field(path, options, run, node, executor))}));
  const auto add = [&](bool secret, const Setting& setting, bool optional, Value use, const Value& wanted) -> Status {
    if (is_left_open(setting, node)) return {};
    const auto keys = MR_TRY(read_keys(hooks, run, secret, text_of(setting_of(setting, node)), optional));
    Value data = Value::object();
    for (const auto& [key, value] : keys.value_or(Keys())) {
      if (wanted.is_null() || wanted.has(key)) data.set(key, sha256_hex(value));
    }
    out.push(Value::array({std::move(use), std::move(data)}));
    return {};
  };
  for (const KeysAsEnv& keys : executor.env_from_keys) {
    Value wanted = Value::object();
    for (const auto& [key, variable] : keys.key_to_variable) wanted.set(key, variable);
    Value use = Value::array({keys.prefix.value_or(""), wanted});
    MR_TRY(add(keys.secret, keys.name, keys.optional, std::move(use), keys.prefix ? Value() : wanted));
  }
  for (const KeysAsFiles& keys : executor.files_from_keys)
    MR_TRY(add(keys.secret, keys.name, keys.optional, keys.mount_path, Value()));
  return out;
}

Status apply_machine(const Options& options, const Hooks& hooks, const RunContext& run, const engine::Node& node,
                     const Executor& executor, const PlaceholderContext& context, work::Workload& spec) {
  if (!executor.placement.empty()) MR_TRY(check_dynamic_placement(executor.placement, node, node_labels(options)));
  MR_TRY(apply_resources(executor.resources, context, spec));
  for (const auto& [variable, path] : executor.env_from_fields)
    set_variable(spec, variable, MR_TRY(field(path, options, run, node, executor)));
  if (executor.needs_mounts() && !spec.sandbox)
    return fail(Code::failed_precondition, "volumes need mount namespaces, and this machine gives the server none");
  MR_TRY(apply_keys(hooks, run, node, executor, spec));
  return apply_volumes(options, run, node, executor, spec);
}

}  // namespace millrace::pipelines::executors
