#include "kube/pods.h"

#include <algorithm>

#include <fmt/core.h>

#include "kube/nodes.h"
#include "kube/pod_view.h"

namespace millrace::kube {
namespace {

Value pod_cells(const Value& object, Time now) {
  const Value& status = object.at("status").at("containerStatuses").items().front();
  std::string word = object.at("status").at("phase").string_or();
  for (const char* state : {"waiting", "terminated"}) {
    if (const Value* detail = status.at("state").find(state)) word = detail->at("reason").string_or();
  }
  if (object.at("metadata").has("deletionTimestamp")) word = "Terminating";
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

// Which pods were deleted, in the store: a kind that no path leads to.
constexpr const char* kDeletedPods = "pods.deleted";

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
      .verbs = kReadStopVerbs,
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
  std::map<std::string, Value> deleted;
  for (Value& record : MR_TRY(store_.list(kDeletedPods, kTaskNamespace)).objects)
    deleted[record.at("metadata").at("name").string_or()] = std::move(record);
  std::vector<Pod> pods, there;
  for (const auto& listed : MR_TRY(pipelines->runs(kRunsShown))) {
    auto run = pipelines->run(listed.id);
    if (!run) continue;  // deleted since it was listed
    for (const auto& task : run->tasks) {
      if (has_pod(task)) pods.push_back({listed, task});
    }
  }
  for (const Pod& pod : pods) {
    const auto record = deleted.find(pod.task.pod_name);
    const bool is_deleted = record != deleted.end() &&
                            record->second.at("attempt").int_or(0) == static_cast<std::int64_t>(pod.task.attempt);
    if (is_deleted && pod.task.ended) continue;
    there.push_back(pod);
    if (is_deleted) there.back().deleted_at = record->second.at("metadata").at("creationTimestamp").string_or();
  }
  MR_TRY(forget_runs_gone(deleted, pods));
  return there;
}

// Records of pods whose runs are no longer shown.
Status Pods::forget_runs_gone(const std::map<std::string, Value>& deleted, const std::vector<Pod>& pods) {
  for (const auto& [name, record] : deleted) {
    if (std::ranges::any_of(pods, [&](const Pod& pod) { return pod.task.pod_name == name; })) continue;
    const auto gone = store_.erase(
        {kDeletedPods, kTaskNamespace, name}, [](const Value& present) -> Result<Value> { return present; }, false);
    if (!gone && gone.error().code != Code::not_found) return fail(gone.error());
  }
  return {};
}

Status Pods::stop(const std::string& name_space, const std::string& name) {
  const Pod pod = MR_TRY(find(name_space, name));
  const Value record = Value::object(
      {{"metadata", Value::object({{"name", name}, {"creationTimestamp", format_rfc3339(clock().now())}})},
       {"attempt", pod.task.attempt}});
  const ObjectName key{kDeletedPods, kTaskNamespace, name};
  const auto added = store_.insert(key, record);
  if (!added && added.error().code != Code::already_exists) return fail(added.error());
  if (!added) MR_TRY(store_.update(key, [&](const Value&) -> Result<Value> { return record; }, false));
  note_change();
  if (pod.task.ended) return {};
  return pipelines_.load()->stop_task(pod.run.id, pod.task.id);
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

std::optional<Time> Pods::end_of_previous(const Pod& pod) {
  const auto container = containers_.find(*pipelines_.load(), pod.run.id, pod.task.pod_name, pod.task.attempt);
  if (!container || !container->previous) return std::nullopt;
  return container->previous->ended;
}

void Pods::fill_in(Value& object) {
  pipelines::Pipelines* pipelines = pipelines_;
  const Value& metadata = object.at("metadata");
  const auto container = containers_.find(*pipelines, metadata.at("labels").at(kRunLabel).string_or(),
                                          metadata.at("name").string_or(), attempt_of(object));
  if (container) fill_in_container(object, *container);
}

Result<std::vector<Value>> Pods::read() {
  std::vector<Value> objects;
  for (const Pod& pod : MR_TRY(all())) objects.push_back(pod_object(pod));
  return objects;
}

Result<std::vector<Value>> Events::read() {
  std::vector<Value> events;
  for (const Pod& pod : MR_TRY(pods_.all())) {
    for (Value& event : events_of(pod)) events.push_back(std::move(event));
  }
  return events;
}

}  // namespace millrace::kube
