#include "pipelines/runner/artifact_rows.h"

#include <array>
#include <optional>
#include <utility>

#include "base/json.h"

namespace millrace::pipelines::runner {
namespace {

// kfp_metrics has what `sort_by=metric:<name>` asks for: the newest value of each name in a run.
constexpr db::Migration kMigrations[] = {{1, R"sql(
CREATE TABLE kfp_artifacts(
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  run_id TEXT NOT NULL,
  task_id TEXT NOT NULL,
  output TEXT NOT NULL,
  position INTEGER NOT NULL,
  name TEXT NOT NULL,
  type TEXT NOT NULL,
  uri TEXT NOT NULL,
  metadata TEXT NOT NULL,
  number REAL,
  created INTEGER NOT NULL,
  UNIQUE(run_id, task_id, output, position)
);
CREATE INDEX kfp_artifacts_by_time ON kfp_artifacts(created, id);
CREATE TABLE kfp_metrics(
  run_id TEXT NOT NULL,
  name TEXT NOT NULL,
  value REAL NOT NULL,
  PRIMARY KEY(run_id, name)
) WITHOUT ROWID;
)sql"}};

constexpr std::string_view kMetrics = "system.Metrics";

// Source: kubeflow/pipelines backend/api/v2beta1/artifact.proto, ArtifactType.
constexpr std::array<std::pair<std::string_view, std::string_view>, 7> kTypes = {
    {{"system.Model", "Model"},
     {"system.Dataset", "Dataset"},
     {"system.HTML", "HTML"},
     {"system.Markdown", "Markdown"},
     {kMetrics, "Metric"},
     {"system.ClassificationMetrics", "ClassificationMetric"},
     {"system.SlicedClassificationMetrics", "SlicedClassificationMetric"}}};

Status put_metric(db::Connection& connection, const std::string& run_id, const std::string& name, double value) {
  auto row =
      MR_TRY(connection.prepare("INSERT INTO kfp_metrics(run_id, name, value) VALUES(?,?,?) "
                                "ON CONFLICT(run_id, name) DO UPDATE SET value = excluded.value"));
  return row.bind_all(run_id, name, value).run();
}

Status put_artifact(db::Connection& connection, const std::string& run_id, const std::string& task_id, Time ended,
                    const std::string& output, std::size_t position, const Value& artifact) {
  const std::string title = artifact["type"]["schemaTitle"].string_or();
  const Value& metadata = artifact["metadata"];
  std::optional<double> number;
  std::size_t numbers = 0;
  if (title == kMetrics) {
    for (const auto& [name, value] : metadata.members()) {
      if (!value.is_number()) continue;
      ++numbers;
      number = value.as_double();
      MR_TRY(put_metric(connection, run_id, name, *number));
    }
  }
  auto row = MR_TRY(connection.prepare(
      "INSERT INTO kfp_artifacts(run_id, task_id, output, position, name, type, uri, metadata, created, number) "
      "VALUES(?,?,?,?,?,?,?,?,?,?) ON CONFLICT(run_id, task_id, output, position) DO UPDATE SET name = excluded.name, "
      "type = excluded.type, uri = excluded.uri, metadata = excluded.metadata, created = excluded.created, "
      "number = excluded.number"));
  const std::string name = artifact["name"].string_or(output);
  row.bind_all(run_id, task_id, output, static_cast<std::int64_t>(position), name.empty() ? output : name,
               artifact_type(title), artifact["uri"].string_or(), metadata.is_object() ? to_json(metadata) : "{}",
               to_epoch_ms(ended), numbers == 1 ? number : std::nullopt);  // of several numbers none is its value
  return row.run();
}

}  // namespace

std::span<const db::Migration> artifact_migrations() { return kMigrations; }

std::string_view artifact_type(std::string_view schema_title) {
  for (const auto& [title, type] : kTypes) {
    if (title == schema_title) return type;
  }
  return "Artifact";
}

Status put_artifacts(db::Connection& connection, const std::string& run_id, const std::string& task_id, Time ended,
                     const Value& artifacts) {
  for (const auto& [output, list] : artifacts.members()) {
    std::size_t position = 0;
    for (const Value& artifact : list["artifacts"].items())
      MR_TRY(put_artifact(connection, run_id, task_id, ended, output, position++, artifact));
  }
  return {};
}

Status delete_artifacts(db::Connection& connection, const std::string& run_id) {
  for (const std::string_view sql :
       {"DELETE FROM kfp_artifacts WHERE run_id = ?", "DELETE FROM kfp_metrics WHERE run_id = ?"}) {
    auto row = MR_TRY(connection.prepare(sql));
    MR_TRY(row.bind_all(run_id).run());
  }
  return {};
}

Result<std::map<std::string, std::int64_t, std::less<>>> artifact_ids(db::Connection& connection,
                                                                      const std::string& run_id) {
  std::map<std::string, std::int64_t, std::less<>> ids;
  // Of several that name one uri the first made it.
  auto row = MR_TRY(connection.prepare("SELECT uri, id FROM kfp_artifacts WHERE run_id = ? ORDER BY id"));
  row.bind_all(run_id);
  while (MR_TRY(row.step())) {
    auto [uri, artifact_id] = row.columns<std::string, std::int64_t>();
    ids.emplace(std::move(uri), artifact_id);
  }
  return ids;
}

}  // namespace millrace::pipelines::runner
