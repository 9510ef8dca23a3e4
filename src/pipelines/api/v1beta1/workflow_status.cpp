// The status of a workflow as Argo keeps it: a node a task, linked to what comes after.
// Source: Argo Workflows, docs/fields.md (WorkflowStatus, NodeStatus).

#include <map>

#include <fmt/core.h>

#include "base/json.h"
#include "base/time.h"
#include "pipelines/api/v1beta1/operations.h"
#include "pipelines/v1/workflow.h"

namespace millrace::pipelines::api::v1beta1 {
namespace {

std::string_view last_part(std::string_view path) { return path.substr(path.rfind('/') + 1); }

// Made by the translation alone: nobody wrote it.
bool is_ours(const TaskView& task) {
  const std::string_view name = last_part(task.id);
  return name.starts_with(v1::kFilePrefix) || name.starts_with(v1::kItemsPrefix);
}

// A pod's id is the pod's name; any other node's is its place in the run, as Argo names nodes.
std::string node_id(const runner::RunRecord& run, const TaskView& task) {
  if (!task.pod_name.empty()) return task.pod_name;
  std::string id = run.resource_name;
  for (const char c : std::string_view(task.id).substr(std::string_view("root").size())) id += c == '/' ? '.' : c;
  return id;
}

Value parameter_list(const Value& parameters) {
  Value list = Value::array();
  for (const auto& [name, value] : parameters.members())
    list.push(Value::object({{"name", name}, {"value", value.is_string() ? value.as_string() : to_json(value)}}));
  return list;
}

Value artifact_list(const Value& artifacts) {
  Value list = Value::array();
  for (const auto& [name, value] : artifacts.members()) {
    for (const Value& artifact : value["artifacts"].items()) {
      Value entry = Value::object({{"name", name}});
      const std::string uri = artifact["uri"].string_or();
      const std::size_t scheme = uri.find("://"), slash = uri.find('/', scheme == std::string::npos ? 0 : scheme + 3);
      if (scheme != std::string::npos && slash != std::string::npos)
        entry.set("s3", Value::object(
                            {{"bucket", uri.substr(scheme + 3, slash - scheme - 3)}, {"key", uri.substr(slash + 1)}}));
      list.push(std::move(entry));
    }
  }
  return list;
}

Value side(const Value& given) {
  Value out = Value::object();
  Value parameters = parameter_list(given["parameters"]), artifacts = artifact_list(given["artifacts"]);
  if (!parameters.empty()) out.set("parameters", std::move(parameters));
  if (!artifacts.empty()) out.set("artifacts", std::move(artifacts));
  return out;
}

Value node(const runner::RunRecord& run, const TaskView& task) {
  const std::string id = node_id(run, task);
  const std::string_view name = last_part(task.id);
  Value out = Value::object({{"id", id}, {"name", id}});
  out.set("displayName", task.parent_id.empty() ? std::string_view(run.resource_name) : name);
  const bool skipped = task.state == "SKIPPED";
  out.set("type", skipped ? "Skipped" : task.is_dag ? "DAG" : "Pod");
  out.set("templateName", task.parent_id.empty() ? std::string_view(run.pipeline_name) : name);
  out.set("phase", task.state == "CANCELED" ? "Omitted" : phase(task.state));
  out.set_if(!task.error.empty(), "message", task.error);
  const std::optional<Time> started = task.started ? task.started : task.created;
  out.set("startedAt", started ? Value(format_rfc3339(*started)) : Value());
  out.set("finishedAt", task.ended ? Value(format_rfc3339(*task.ended)) : Value());
  for (const auto& [field, given] : {std::pair("inputs", &task.inputs), std::pair("outputs", &task.outputs)}) {
    Value made = side(*given);
    if (!made.empty()) out.set(field, std::move(made));
  }
  return out;
}

}  // namespace

Value live_workflow(const runner::RunRecord& run, const std::vector<TaskView>& tasks, Value manifest) {
  if (manifest.is_null())
    manifest = Value::object({{"apiVersion", "argoproj.io/v1alpha1"}, {"kind", "Workflow"}, {"spec", Value::object()}});
  if (!manifest["metadata"].is_object()) manifest.set("metadata", Value::object());
  Value& metadata = manifest.child("metadata");
  metadata.set("name", run.resource_name).set("namespace", "kubeflow").set("uid", run.id);
  metadata.set("creationTimestamp", format_rfc3339(run.created));
  if (!metadata["labels"].is_object()) metadata.set("labels", Value::object());
  metadata.child("labels").set("pipeline/runid", run.id);

  std::map<std::string_view, const TaskView*> by_id;
  for (const TaskView& task : tasks) by_id.emplace(task.id, &task);
  Value nodes = Value::object();
  std::map<std::string, Value> children;  // by node
  for (const TaskView& task : tasks) {
    if (is_ours(task)) continue;
    Value made = node(run, task);
    const std::string id = node_id(run, task);
    const auto parent = by_id.find(task.parent_id);
    if (parent != by_id.end()) made.set("boundaryID", node_id(run, *parent->second));
    bool is_first = true;
    for (const std::string& other : task.depends_on) {
      const auto before = by_id.find(other);
      if (before == by_id.end() || is_ours(*before->second)) continue;
      children[node_id(run, *before->second)].push(id);
      is_first = false;
    }
    if (is_first && parent != by_id.end()) children[node_id(run, *parent->second)].push(id);
    nodes.as_object().emplace_back(id, std::move(made));
  }
  for (auto& [id, entry] : nodes.as_object()) {
    if (const auto found = children.find(id); found != children.end()) entry.set("children", std::move(found->second));
  }
  Value status = Value::object({{"phase", phase(run.state)}, {"startedAt", format_rfc3339(run.created)}});
  status.set("finishedAt", run.finished ? Value(format_rfc3339(*run.finished)) : Value());
  status.set_if(!run.error.empty(), "message", run.error);
  status.set("nodes", std::move(nodes));
  return manifest.set("status", std::move(status));
}

}  // namespace millrace::pipelines::api::v1beta1
