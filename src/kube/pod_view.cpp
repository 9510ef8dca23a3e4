#include "kube/pod_view.h"

#include <algorithm>

#include <fmt/core.h>

#include "base/encode.h"
#include "base/hash.h"
#include "kube/nodes.h"

namespace millrace::kube {
namespace {

constexpr const char* kContainer = "main";
constexpr const char* kAddress = "127.0.0.1";
constexpr int kTolerationSeconds = 300, kGraceSeconds = 30;  // as Kubernetes' defaults

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

struct Happening {
  std::string_view type, reason;
  std::string message;
  Time at;
  std::string_view component = "kubelet";
};

Value event_object(const Pod& pod, const Happening& happening) {
  const auto& [type, reason, message, at, component] = happening;
  const std::string name = fmt::format("{}.{}", pod.task.pod_name, to_hex(as_chars(sha256(reason))).substr(0, 16));
  return Value::object(
      {{"apiVersion", "v1"},
       {"kind", "Event"},
       {"metadata", Value::object({{"name", name},
                                   {"namespace", kTaskNamespace},
                                   {"uid", uid_of(name)},
                                   {"resourceVersion", std::to_string(to_epoch_ms(at))},
                                   {"creationTimestamp", format_rfc3339(at)}})},
       {"involvedObject", Value::object({{"kind", "Pod"},
                                         {"namespace", kTaskNamespace},
                                         {"name", pod.task.pod_name},
                                         {"uid", pod_uid(pod.task)},
                                         {"apiVersion", "v1"},
                                         {"fieldPath", fmt::format("spec.containers{{{}}}", kContainer)}})},
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
                     {"labels", Value::object({{"pipeline/runid", run.id},
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

std::vector<Value> events_of(const Pod& pod) {
  const auto& task = pod.task;
  std::vector<Value> events;
  const auto add = [&](Happening happening) { events.push_back(event_object(pod, happening)); };
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
