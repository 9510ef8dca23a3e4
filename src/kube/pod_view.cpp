#include "kube/pod_view.h"

#include <algorithm>

#include <fmt/core.h>

#include "base/encode.h"
#include "base/hash.h"
#include "kube/nodes.h"
#include "kube/quantity.h"

namespace millrace::kube {
namespace {

constexpr const char* kAddress = "127.0.0.1";
constexpr std::string_view kKubelet = "kubelet";
constexpr int kTolerationSeconds = 300, kGraceSeconds = 30, kDefaultMode = 0644;  // as Kubernetes' defaults

std::string phase_of(const std::string& state) {
  if (state == "RUNNING") return "Running";
  if (state == "SUCCEEDED") return "Succeeded";
  if (state == "FAILED" || state == "CANCELED") return "Failed";
  return "Pending";
}

Time last_change(const pipelines::TaskView& task) {
  Time last{};
  for (const auto& at : {task.created, task.started, task.ended}) last = std::max(last, at.value_or(Time{}));
  return last;
}

// A name is all that tells one pod from another, so its UID can be made from it.
std::string uid_of(std::string_view text) {
  const std::string hex = to_hex(as_chars(sha256(text)));
  return fmt::format("{}-{}-{}-{}-{}", hex.substr(0, 8), hex.substr(8, 4), hex.substr(12, 4), hex.substr(16, 4),
                     hex.substr(20, 12));
}

// Each attempt is a pod of its own under the same name.
std::string pod_uid(const pipelines::TaskView& task) {
  return uid_of(task.attempt <= 1 ? task.pod_name : fmt::format("{} {}", task.pod_name, task.attempt));
}

// A task may fail though its process was content: its outputs were not there.
int exit_code_of(const pipelines::TaskView& task) {
  if (task.state == "SUCCEEDED") return 0;
  return task.exit_code.value_or(0) != 0 ? *task.exit_code : 1;
}

Value container_status(const Pod& pod) {
  const auto& task = pod.task;
  const std::string phase = phase_of(task.state);
  Value state = Value::object({{"waiting", Value::object({{"reason", "ContainerCreating"}})}});
  const std::string started = task.started ? format_rfc3339(*task.started) : "";
  if (phase == "Running") state = Value::object({{"running", Value::object({{"startedAt", started}})}});
  if (phase == "Succeeded" || phase == "Failed") {
    Value ended =
        Value::object({{"exitCode", exit_code_of(task)}, {"reason", phase == "Succeeded" ? "Completed" : "Error"}});
    ended.set_if(!task.error.empty(), "message", task.error);
    ended.set_if(task.started.has_value(), "startedAt", started);
    if (task.ended) ended.set("finishedAt", format_rfc3339(*task.ended));
    state = Value::object({{"terminated", std::move(ended)}});
  }
  return Value::object({{"name", kContainer},
                        {"image", task.image},
                        {"imageID", ""},
                        {"ready", phase == "Running"},
                        {"started", phase == "Running"},
                        {"restartCount", std::max(0, task.attempt - 1)},
                        {"lastState", Value::object()},
                        {"state", std::move(state)}});
}

Value condition(const char* type, bool holds, Time since) {
  return Value::object(
      {{"type", type}, {"status", holds ? "True" : "False"}, {"lastTransitionTime", format_rfc3339(since)}});
}

// What an API server fills in where nothing is said; clients read some of it unasked.
Value spec_of(const pipelines::TaskView& task) {
  const auto lasting = [](const char* key) {
    return Value::object(
        {{"key", key}, {"operator", "Exists"}, {"effect", "NoExecute"}, {"tolerationSeconds", kTolerationSeconds}});
  };
  return Value::object({{"containers", Value::array({Value::object({{"name", kContainer},
                                                                    {"image", task.image},
                                                                    {"resources", Value::object()},
                                                                    {"terminationMessagePath", "/dev/termination-log"},
                                                                    {"terminationMessagePolicy", "File"},
                                                                    {"imagePullPolicy", "IfNotPresent"}})})},
                        {"restartPolicy", "Never"},
                        {"terminationGracePeriodSeconds", kGraceSeconds},
                        {"dnsPolicy", "ClusterFirst"},
                        {"serviceAccountName", "default"},
                        {"serviceAccount", "default"},
                        {"nodeName", kNode},
                        {"securityContext", Value::object()},
                        {"schedulerName", "default-scheduler"},
                        {"tolerations", Value::array({lasting("node.kubernetes.io/not-ready"),
                                                      lasting("node.kubernetes.io/unreachable")})},
                        {"priority", 0},
                        {"enableServiceLinks", true},
                        {"preemptionPolicy", "PreemptLowerPriority"}});
}

// Each list of a resource's side, in canonical form; what is limited and not requested is requested as much.
Value resources_of(const Value& given) {
  Value out = Value::object();
  for (const char* side : {"limits", "requests"}) {
    for (const auto& [name, amount] : given.at(side).members())
      out.child(side).set(name, canonical_quantity(amount.string_or()));
  }
  const Value limits = out.at("limits");
  for (const auto& [name, amount] : limits.members()) {
    if (!out.at("requests").has(name)) out.child("requests").set(name, amount);
  }
  return out;
}

// Of the one container (Kubernetes documentation, "Pod Quality of Service Classes").
const char* quality_of_service(const Value& resources) {
  bool any = false, all = true;
  for (const char* name : {"cpu", "memory"}) {
    const auto amount = [&](const char* side) { return resources.at(side).at(name).string_or("0"); };
    any = any || amount("limits") != "0" || amount("requests") != "0";
    all = all && amount("limits") != "0" && amount("limits") == amount("requests");
  }
  return all ? "Guaranteed" : any ? "Burstable" : "BestEffort";
}

Value with_default_modes(Value volumes) {
  if (!volumes.is_array()) return volumes;
  for (Value& volume : volumes.as_array()) {
    for (const char* kind : {"secret", "configMap"}) {
      if (Value* source = volume.find(kind)) source->set("defaultMode", kDefaultMode);
    }
  }
  return volumes;
}

Value with_field_versions(Value environment) {
  if (!environment.is_array()) return environment;
  for (Value& variable : environment.as_array()) {
    Value* from = variable.find("valueFrom");
    if (Value* field = from == nullptr ? nullptr : from->find("fieldRef")) field->set("apiVersion", "v1");
  }
  return environment;
}

Value state_before(const pipelines::ContainerView::Previous& previous) {
  Value ended = Value::object({{"exitCode", previous.exit_code.value_or(0) != 0 ? *previous.exit_code : 1},
                               {"reason", "Error"},
                               {"finishedAt", format_rfc3339(previous.ended)}});
  if (previous.started != Time{}) ended.set("startedAt", format_rfc3339(previous.started));
  ended.set_if(!previous.error.empty(), "message", previous.error);
  return Value::object({{"terminated", std::move(ended)}});
}

struct Happening {
  std::string_view type, reason;
  std::string message;
  Time at;
  std::string_view component = kKubelet;
};

// `number`: of the pod's events. As in a cluster, the name ends in nanoseconds: by it kubectl orders what came at once.
Value event_object(const Pod& pod, const Happening& happening, std::size_t number) {
  const auto& [type, reason, message, at, component] = happening;
  const auto nanoseconds = static_cast<std::uint64_t>(to_epoch_ms(at)) * 1'000'000 + number;
  const std::string name = fmt::format("{}.{:x}", pod.task.pod_name, nanoseconds);
  Value involved = Value::object({{"kind", "Pod"},
                                  {"namespace", kTaskNamespace},
                                  {"name", pod.task.pod_name},
                                  {"uid", pod_uid(pod.task)},
                                  {"apiVersion", "v1"}});
  if (component == kKubelet) involved.set("fieldPath", fmt::format("spec.containers{{{}}}", kContainer));
  return Value::object({{"apiVersion", "v1"},
                        {"kind", "Event"},
                        {"metadata", Value::object({{"name", name},
                                                    {"namespace", kTaskNamespace},
                                                    {"uid", uid_of(name)},
                                                    {"resourceVersion", std::to_string(to_epoch_ms(at))},
                                                    {"creationTimestamp", format_rfc3339(at)}})},
                        {"involvedObject", std::move(involved)},
                        {"reason", reason},
                        {"message", message},
                        {"source", Value::object({{"component", component}, {"host", kNode}})},
                        {"firstTimestamp", format_rfc3339(at)},
                        {"lastTimestamp", format_rfc3339(at)},
                        {"count", 1},
                        {"type", type},
                        {"reportingComponent", component},
                        {"reportingInstance", kNode}});
}

}  // namespace

bool has_pod(const pipelines::TaskView& task) {
  return !task.is_dag && !task.pod_name.empty() && task.started.has_value();
}

Value pod_object(const Pod& pod) {
  const auto& [run, task, deleted_at] = pod;
  const std::string phase = phase_of(task.state);
  Value metadata =
      Value::object({{"name", task.pod_name},
                     {"namespace", kTaskNamespace},
                     {"uid", pod_uid(task)},
                     {"resourceVersion", std::to_string(to_epoch_ms(last_change(task)))},
                     {"creationTimestamp", format_rfc3339(task.started.value_or(run.created))},
                     {"labels", Value::object({{kRunLabel, run.id},
                                               {"pipelines.kubeflow.org/v2_component", "true"},
                                               {"component", task.name}})},
                     {"annotations", Value::object({{"pipelines.kubeflow.org/task_name", task.name},
                                                    {"pipelines.kubeflow.org/run_name", run.display_name}})}});
  if (!deleted_at.empty())
    metadata.set("deletionTimestamp", deleted_at).set("deletionGracePeriodSeconds", kGraceSeconds);
  Value spec = spec_of(task);
  Value status = Value::object({{"phase", phase},
                                {"hostIP", kAddress},
                                {"hostIPs", Value::array({Value::object({{"ip", kAddress}})})},
                                {"podIP", kAddress},
                                {"podIPs", Value::array({Value::object({{"ip", kAddress}})})},
                                {"qosClass", "BestEffort"}});
  if (task.started) status.set("startTime", format_rfc3339(*task.started));
  status.set_if(!task.error.empty(), "message", task.error);
  const Time since = last_change(task), begun = task.started.value_or(run.created);
  status.set(
      "conditions",
      Value::array({condition("Initialized", true, begun), condition("Ready", phase == "Running", since),
                    condition("ContainersReady", phase == "Running", since), condition("PodScheduled", true, begun)}));
  status.set("containerStatuses", Value::array({container_status(pod)}));
  return Value::object({{"apiVersion", "v1"},
                        {"kind", "Pod"},
                        {"metadata", std::move(metadata)},
                        {"spec", std::move(spec)},
                        {"status", std::move(status)}});
}

int attempt_of(const Value& pod) {
  return static_cast<int>(pod.at("status").at("containerStatuses").items().front().at("restartCount").int_or(0) + 1);
}

void fill_in_container(Value& pod, const pipelines::ContainerView& view) {
  Value& metadata = pod.child("metadata");
  const auto add = [&](const char* member, const std::map<std::string, std::string>& asked) {
    for (const auto& [key, value] : asked) {
      if (!metadata.at(member).has(key)) metadata.child(member).set(key, value);
    }
  };
  add("labels", view.labels);
  add("annotations", view.annotations);
  Value& spec = pod.child("spec");
  Value& container = spec.child("containers").as_array().front();
  for (const auto& [key, value] : view.container.members()) {
    container.set(key, key == "resources" ? resources_of(value) : key == "env" ? with_field_versions(value) : value);
  }
  for (const auto& [key, value] : view.pod.members()) {
    if (key != "tolerations") spec.set(key, key == "volumes" ? with_default_modes(value) : value);
  }
  Value tolerations = view.pod.at("tolerations");  // those of every pod follow
  for (const Value& usual : spec.at("tolerations").items()) tolerations.push(usual);
  spec.set("tolerations", std::move(tolerations));
  Value& status = pod.child("status");
  status.set("qosClass", quality_of_service(container.at("resources")));
  Value& said = status.child("containerStatuses").as_array().front();
  said.set("image", container.at("image"));
  if (view.previous) said.set("lastState", state_before(*view.previous));
}

std::vector<Value> events_of(const Pod& pod) {
  const auto& task = pod.task;
  std::vector<Value> events;
  const auto add = [&](Happening happening) { events.push_back(event_object(pod, happening, events.size())); };
  if (task.started) {
    add({"Normal", "Scheduled", fmt::format("Successfully assigned {}/{} to {}", kTaskNamespace, task.pod_name, kNode),
         *task.started, "default-scheduler"});
    add({"Normal", "Created", "Container created", *task.started});
    add({"Normal", "Started", "Container started", *task.started});
  }
  if (!task.ended) return events;
  if (task.state == "FAILED") add({"Warning", "Failed", task.error, *task.ended});
  if (task.state == "CANCELED")
    add({"Normal", "Killing", fmt::format("Stopping container {}", kContainer), *task.ended});
  if (task.state == "SUCCEEDED") add({"Normal", "Completed", "The task succeeded", *task.ended});
  return events;
}

}  // namespace millrace::kube
