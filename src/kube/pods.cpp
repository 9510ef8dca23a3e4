#include "kube/pods.h"

#include <algorithm>

#include <fmt/core.h>

#include "base/encode.h"
#include "base/hash.h"
#include "kube/nodes.h"

namespace millrace::kube {
namespace {

constexpr const char* kContainer = "main";

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

Value container_status(const Pod& pod) {
  const auto& task = pod.task;
  const std::string phase = phase_of(task.state);
  Value state = Value::object({{"waiting", Value::object({{"reason", "ContainerCreating"}})}});
  const std::string started = task.started ? format_rfc3339(*task.started) : "";
  if (phase == "Running") state = Value::object({{"running", Value::object({{"startedAt", started}})}});
  if (phase == "Succeeded" || phase == "Failed") {
    Value ended = Value::object(
        {{"exitCode", phase == "Succeeded" ? 0 : 1}, {"reason", phase == "Succeeded" ? "Completed" : "Error"}});
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

Value pod_object(const Pod& pod) {
  const auto& [run, task] = pod;
  const std::string phase = phase_of(task.state);
  Value metadata =
      Value::object({{"name", task.pod_name},
                     {"namespace", kTaskNamespace},
                     {"uid", uid_of(task.pod_name)},
                     {"resourceVersion", std::to_string(to_epoch_ms(last_change(task)))},
                     {"creationTimestamp", format_rfc3339(task.created.value_or(run.created))},
                     {"labels", Value::object({{"pipeline/runid", run.id},
                                               {"pipelines.kubeflow.org/v2_component", "true"},
                                               {"component", task.name}})},
                     {"annotations", Value::object({{"pipelines.kubeflow.org/task_name", task.name},
                                                    {"pipelines.kubeflow.org/run_name", run.display_name}})}});
  Value spec = Value::object(
      {{"containers",
        Value::array({Value::object({{"name", kContainer}, {"image", task.image}, {"resources", Value::object()}})})},
       {"restartPolicy", "Never"},
       {"nodeName", kNode}});
  Value status = Value::object({{"phase", phase}, {"hostIP", "127.0.0.1"}});
  if (task.started) status.set("startTime", format_rfc3339(*task.started));
  status.set_if(!task.error.empty(), "message", task.error);
  const Time since = last_change(task);
  status.set("conditions", Value::array({condition("Initialized", true, task.created.value_or(run.created)),
                                         condition("Ready", phase == "Running", since),
                                         condition("ContainersReady", phase == "Running", since),
                                         condition("PodScheduled", true, task.created.value_or(run.created))}));
  status.set("containerStatuses", Value::array({container_status(pod)}));
  return Value::object({{"apiVersion", "v1"},
                        {"kind", "Pod"},
                        {"metadata", std::move(metadata)},
                        {"spec", std::move(spec)},
                        {"status", std::move(status)}});
}

Value event_object(const Pod& pod, std::string_view type, std::string_view reason, const std::string& message,
                   Time at) {
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
                                         {"uid", uid_of(pod.task.pod_name)},
                                         {"apiVersion", "v1"},
                                         {"fieldPath", fmt::format("spec.containers{{{}}}", kContainer)}})},
       {"reason", reason},
       {"message", message},
       {"source", Value::object({{"component", "millrace"}})},
       {"firstTimestamp", format_rfc3339(at)},
       {"lastTimestamp", format_rfc3339(at)},
       {"count", 1},
       {"type", type},
       {"reportingComponent", "millrace"},
       {"reportingInstance", kNode}});
}

Value pod_cells(const Value& object, Time now) {
  const Value& status = object.at("status").at("containerStatuses").items().front();
  std::string word = object.at("status").at("phase").string_or();
  for (const char* state : {"waiting", "terminated"}) {
    if (const Value* detail = status.at("state").find(state)) word = detail->at("reason").string_or();
  }
  return Value::array({object.at("metadata").at("name"), status.at("ready").bool_or(false) ? "1/1" : "0/1", word,
                       std::to_string(status.at("restartCount").int_or(0)), age(object, now), "127.0.0.1", kNode,
                       "<none>", "<none>"});
}

Value event_cells(const Value& object, Time now) {
  return Value::array({age(object, now), object.at("type"), object.at("reason"),
                       "pod/" + object.at("involvedObject").at("name").string_or(),
                       object.at("involvedObject").at("fieldPath"), "millrace, " + std::string(kNode),
                       object.at("message"), age(object, now), "1", object.at("metadata").at("name")});
}

constexpr const char* kReadOnly =
    "pods and their events are a view of the tasks of runs here; start a task by submitting a run";

}  // namespace

const Kind& pods_kind() {
  static const Kind kind{
      .plural = "pods",
      .singular = "pod",
      .kind = "Pod",
      .schema = "io.k8s.api.core.v1.Pod",
      .short_names = {"po"},
      .categories = {"all"},
      .verbs = kReadVerbs,
      .selectable_fields = {"spec.nodeName", "spec.restartPolicy", "status.phase"},
      .columns = {{.name = "Name", .format = "name"},
                  {.name = "Ready"},
                  {.name = "Status"},
                  {.name = "Restarts"},
                  {.name = "Age"},
                  {.name = "IP", .priority = 1},
                  {.name = "Node", .priority = 1},
                  {.name = "Nominated Node", .priority = 1},
                  {.name = "Readiness Gates", .priority = 1}},
      .cells = pod_cells,
      .read_only_because = kReadOnly,
  };
  return kind;
}

const Kind& events_kind() {
  static const Kind kind{
      .plural = "events",
      .singular = "event",
      .kind = "Event",
      .schema = "io.k8s.api.core.v1.Event",
      .short_names = {"ev"},
      .verbs = kReadVerbs,
      .selectable_fields = {"involvedObject.kind", "involvedObject.name", "involvedObject.namespace",
                            "involvedObject.uid", "involvedObject.apiVersion", "involvedObject.resourceVersion",
                            "involvedObject.fieldPath", "reason", "type"},
      .columns = {{.name = "Last Seen"},
                  {.name = "Type"},
                  {.name = "Reason"},
                  {.name = "Object"},
                  {.name = "Subobject", .priority = 1},
                  {.name = "Source", .priority = 1},
                  {.name = "Message"},
                  {.name = "First Seen", .priority = 1},
                  {.name = "Count", .priority = 1},
                  {.name = "Name", .priority = 1}},
      .cells = event_cells,
      .read_only_because = kReadOnly,
  };
  return kind;
}

Result<std::vector<Pod>> Pods::all() {
  pipelines::Pipelines* pipelines = pipelines_;
  if (pipelines == nullptr) return fail(Code::unavailable, "the server is starting; try again");
  std::vector<Pod> pods;
  for (const auto& listed : MR_TRY(pipelines->runs(kRunsShown))) {
    auto run = pipelines->run(listed.id);
    if (!run) continue;  // deleted since it was listed
    for (const auto& task : run->tasks) {
      if (!task.is_dag && !task.pod_name.empty()) pods.push_back({listed, task});
    }
  }
  return pods;
}

Result<Pod> Pods::find(const std::string& name_space, const std::string& name) {
  if (name_space == kTaskNamespace) {
    auto pods = MR_TRY(all());
    for (auto& pod : pods) {
      if (pod.task.pod_name == name) return std::move(pod);
    }
  }
  return fail(not_found("pods", name));
}

Result<std::vector<Value>> Pods::read() {
  std::vector<Value> objects;
  for (const Pod& pod : MR_TRY(all())) objects.push_back(pod_object(pod));
  return objects;
}

Result<std::vector<Value>> Events::read() {
  std::vector<Value> events;
  for (const Pod& pod : MR_TRY(pods_.all())) {
    const auto& task = pod.task;
    if (task.started) {
      events.push_back(
          event_object(pod, "Normal", "Started", fmt::format("Started container {}", kContainer), *task.started));
    }
    if (!task.ended) continue;
    if (task.state == "FAILED") events.push_back(event_object(pod, "Warning", "Failed", task.error, *task.ended));
    if (task.state == "CANCELED")
      events.push_back(
          event_object(pod, "Normal", "Killing", fmt::format("Stopping container {}", kContainer), *task.ended));
    if (task.state == "SUCCEEDED")
      events.push_back(event_object(pod, "Normal", "Completed", "The task succeeded", *task.ended));
  }
  return events;
}

}  // namespace millrace::kube
