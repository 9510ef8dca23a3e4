// GET /runs/{id}/visualizations: what the artifacts of a run have to show, as data, for a page to draw. Upstream's page
// gets the same out of ML Metadata and of the object store. Shapes of the metadata: kfp/dsl/types/artifact_types.py,
// bare as the SDK writes them or wrapped in "list" and "struct" as ML Metadata keeps them.

#include <algorithm>

#include "base/strings.h"
#include "pipelines/api/access.h"
#include "pipelines/api/operations.h"
#include "pipelines/executors/store.h"
#include "pipelines/runner/artifact_rows.h"
#include "pipelines/runner/records.h"
#include "pipelines/runner/task_rows.h"

namespace millrace::pipelines::api {
namespace {

constexpr std::size_t kMaxDocument = 1u << 20;   // bytes of one HTML or Markdown artifact
constexpr std::size_t kMaxDocuments = 8u << 20;  // of all in an answer; the others say "too_large"

const Value& unwrapped(const Value& value, std::string_view wrapper) {
  const Value& inner = value[wrapper];
  return inner.is_null() ? value : inner;
}

Value metric_values(const Value& metadata) {
  Value values = Value::object();
  for (const auto& [name, value] : metadata.members()) {
    if (value.is_number() || value.is_bool() || value.is_string()) values.set(name, value);
  }
  return values;
}

Value roc_points(const Value& metadata) {
  Value points = Value::array();
  for (const Value& point : unwrapped(metadata["confidenceMetrics"], "list").items()) {
    points.push(Value::object({{"threshold", point["confidenceThreshold"]},
                               {"false_positive_rate", point["falsePositiveRate"]},
                               {"true_positive_rate", point["recall"]}}));
  }
  return points;
}

Value confusion_matrix(const Value& metadata) {
  const Value& matrix = unwrapped(metadata["confusionMatrix"], "struct");
  Value labels = Value::array(), rows = Value::array();
  for (const Value& label : matrix["annotationSpecs"].items()) labels.push(label["displayName"]);
  for (const Value& row : matrix["rows"].items()) rows.push(row.is_object() ? row["row"] : row);
  if (labels.empty()) return {};
  return Value::object({{"labels", std::move(labels)}, {"rows", std::move(rows)}});
}

class Gathering {
 public:
  Gathering(const Options& options, const std::string& run_id,
            const std::map<std::string, std::int64_t, std::less<>>& ids)
      : options_(options), run_id_(run_id), ids_(ids) {}

  void add(const TaskView& task, const std::string& output, const Value& artifact) {
    const std::string title = artifact["type"]["schemaTitle"].string_or();
    const Value& metadata = artifact["metadata"];
    if (title == "system.Metrics") {
      push(task, output, artifact, "METRICS", {{"values", metric_values(metadata)}});
    } else if (title == "system.ClassificationMetrics") {
      if (Value points = roc_points(metadata); !points.empty())
        push(task, output, artifact, "ROC_CURVE", {{"points", std::move(points)}});
      if (Value matrix = confusion_matrix(metadata); !matrix.is_null())
        push(task, output, artifact, "CONFUSION_MATRIX", {{"labels", matrix["labels"]}, {"rows", matrix["rows"]}});
    } else if (title == "system.SlicedClassificationMetrics") {
      push(task, output, artifact, "SLICED_CLASSIFICATION",
           {{"slices", unwrapped(metadata["evaluationSlices"], "list")}});
    } else if (title == "system.HTML") {
      document(task, output, artifact, "HTML");
    } else if (title == "system.Markdown") {
      document(task, output, artifact, "MARKDOWN");
    }
  }

  Value take() { return std::move(found_); }

 private:
  void push(const TaskView& task, const std::string& output, const Value& artifact, std::string_view type,
            std::initializer_list<Value::Member> data) {
    Value entry =
        Value::object({{"type", type}, {"task_id", task.id}, {"task_name", task.display_name}, {"output", output}});
    const auto id = ids_.find(artifact["uri"].string_or());
    if (id != ids_.end()) entry.set("artifact_id", std::to_string(id->second));
    for (const auto& [name, value] : data) entry.set(name, value);
    found_.push(std::move(entry));
  }

  void document(const TaskView& task, const std::string& output, const Value& artifact, std::string_view type) {
    const auto found = executors::find_artifact(options_, artifact["uri"].string_or(), run_id_);
    auto text = found ? found->tree.read(found->path, std::min(kMaxDocument, kMaxDocuments - documents_), Links::within)
                      : Result<std::string>(fail(found.error()));
    if (!text) {
      const bool large = text.error().code == Code::resource_exhausted;
      push(task, output, artifact, type,
           {{large ? "too_large" : "error", large ? Value(true) : Value(text.error().message)}});
      return;
    }
    if (!is_valid_utf8(*text)) {
      push(task, output, artifact, type, {{"error", "the document is not UTF-8"}});
      return;
    }
    documents_ += text->size();
    push(task, output, artifact, type, {{"text", std::move(*text)}});
  }

  const Options& options_;
  const std::string run_id_;
  const std::map<std::string, std::int64_t, std::less<>>& ids_;
  std::size_t documents_ = 0;
  Value found_ = Value::array();
};

}  // namespace

Result<Value> get_visualizations(Context& context, const Call& call) {
  std::vector<TaskView> tasks;
  std::map<std::string, std::int64_t, std::less<>> ids;
  MR_TRY(context.database.read([&](db::Connection& connection) -> Status {
    if (!MR_TRY(runner::find_run(connection, call.id()))) return fail(not_found("Run", call.id()));
    tasks = MR_TRY(runner::read_tasks(connection, call.id()));
    ids = MR_TRY(runner::artifact_ids(connection, call.id()));
    return {};
  }));
  Gathering gathering(context.options, call.id(), ids);
  for (const TaskView& task : tasks) {
    if (task.is_dag) continue;
    for (const auto& [output, list] : task.outputs["artifacts"].members()) {
      for (const Value& artifact : list["artifacts"].items()) {
        if (may_read_artifact(context, call.id(), artifact["uri"].string_or())) gathering.add(task, output, artifact);
      }
    }
  }
  return Value::object({{"visualizations", gathering.take()}});
}

}  // namespace millrace::pipelines::api
