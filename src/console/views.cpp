#include "console/views.h"

#include "base/time.h"
#include "console/text.h"

namespace millrace::console {
namespace {

void set_time(Value& object, std::string_view key, const std::optional<Time>& time) {
  if (time) object.set(key, to_epoch_ms(*time));
}

Value object_or_empty(const Value& value) { return value.is_object() ? value : Value::object(); }

Value task_json(const pipelines::TaskView& task) {
  Value after = Value::array();
  for (const std::string& id : task.depends_on) after.push(id);
  Value object = Value::object({{"id", task.id},
                                {"name", task.name},
                                {"display_name", task.display_name},
                                {"parent_id", task.parent_id},
                                {"state", task.state},
                                {"pod_name", task.pod_name},
                                {"depends_on", std::move(after)},
                                {"is_dag", task.is_dag},
                                {"attempt", task.attempt},
                                {"cached", task.cached},
                                {"error", as_utf8(task.error)},
                                {"image", task.image},
                                {"inputs", object_or_empty(task.inputs)},
                                {"outputs", object_or_empty(task.outputs)}});
  set_time(object, "created", task.created);
  set_time(object, "started", task.started);
  set_time(object, "ended", task.ended);
  return object;
}

}  // namespace

Value run_json(const pipelines::RunView& run, bool with_tasks) {
  Value object = Value::object({{"id", run.id},
                                {"display_name", run.display_name},
                                {"pipeline_name", run.pipeline_name},
                                {"experiment_id", run.experiment_id},
                                {"state", run.state},
                                {"error", as_utf8(run.error)},
                                {"created", to_epoch_ms(run.created)}});
  set_time(object, "finished", run.finished);
  if (with_tasks) {
    Value tasks = Value::array();
    for (const auto& task : run.tasks) tasks.push(task_json(task));
    object.set("tasks", std::move(tasks));
  }
  return object;
}

Value folder_json(const s3::Folder& folder) {
  Value folders = Value::array();
  for (const std::string& prefix : folder.folders) folders.push(prefix);
  Value objects = Value::array();
  for (const auto& object : folder.objects) {
    objects.push(Value::object({{"key", object.key},
                                {"size", object.size},
                                {"modified", to_epoch_ms(object.modified)},
                                {"etag", object.etag},
                                {"content_type", object.content_type}}));
  }
  return Value::object(
      {{"folders", std::move(folders)}, {"objects", std::move(objects)}, {"truncated", folder.truncated}});
}

Value events_json(const std::vector<logs::Event>& events) {
  Value out = Value::array();
  for (const auto& event : events) {
    out.push(Value::object({{"at", to_epoch_ms(event.at)}, {"message", as_utf8(event.message)}}));
  }
  return out;
}

}  // namespace millrace::console
