// GET /artifacts and /artifacts/{id}: what tasks have made. Source: kubeflow/pipelines proposals/12147-mlmd-removal and
// backend/api/v2beta1/artifact.proto. An id is a number in decimal digits, so that it is also what the older field
// artifact_ids (int64) of a task's inputs and outputs holds.

#include <array>

#include <fmt/core.h>

#include "base/json.h"
#include "base/strings.h"
#include "pipelines/api/access.h"
#include "pipelines/api/artifact_rows.h"
#include "pipelines/api/listing.h"
#include "pipelines/api/operations.h"

namespace millrace::pipelines::api {
namespace {

constexpr std::string_view kColumns = "id, name, type, uri, metadata, number, created, run_id, task_id, output";
constexpr std::array kFields = {
    Field{"created_at", "created", FieldType::millis}, Field{"last_update", "created", FieldType::millis},
    Field{"artifact_id", "id", FieldType::number}, Field{"id", "id", FieldType::number},
    Field{"namespace", "''"},  // one user, as upstream's single-user mode
    Field{"type", "type"}, Field{"uri", "uri"}, Field{"name", "name"}, Field{"description", "''"},
    Field{"metadata", "metadata"}, Field{"number_value", "number", FieldType::real},
    // Beyond upstream's: whose output it is.
    Field{"run_id", "run_id"}, Field{"task_id", "task_id"}};

ArtifactRow artifact_from(const db::Statement& row) {
  ArtifactRow artifact;
  artifact.id = row.integer(0);
  artifact.name = row.text(1);
  artifact.type = row.text(2);
  artifact.uri = row.text(3);
  auto metadata = parse_json(row.text(4));
  artifact.metadata = metadata ? std::move(*metadata) : Value::object();
  if (!row.is_null(5)) artifact.number = row.real(5);
  artifact.created = from_epoch_ms(row.integer(6));
  artifact.run_id = row.text(7);
  artifact.task_id = row.text(8);
  artifact.output = row.text(9);
  return artifact;
}

Value to_message(const ArtifactRow& artifact) {
  Value message =
      Value::object({{"artifact_id", std::to_string(artifact.id)}, {"name", artifact.name}, {"type", artifact.type}});
  message.set_if(!artifact.uri.empty(), "uri", artifact.uri);
  if (!artifact.metadata.empty()) message.set("metadata", artifact.metadata);
  if (artifact.number) message.set("number_value", *artifact.number);
  message.set("created_at", format_rfc3339_millis(artifact.created));
  return message;
}

}  // namespace

Result<ArtifactRow> find_artifact(db::Database& database, const std::string& id) {
  ArtifactRow artifact;
  MR_TRY(database.read([&](db::Connection& connection) -> Status {
    auto row = MR_TRY(connection.prepare(fmt::format("SELECT {} FROM kfp_artifacts WHERE id = ?", kColumns)));
    const auto number = parse_int(id);
    if (!number || !MR_TRY(row.bind_all(*number).step())) return fail(not_found("Artifact", id));
    artifact = artifact_from(row);
    return {};
  }));
  return artifact;
}

Result<std::string> artifact_uri(db::Database& database, const std::string& run_id, const std::string& task_id,
                                 const std::string& output) {
  std::string uri;
  MR_TRY(database.read([&](db::Connection& connection) -> Status {
    auto row = MR_TRY(connection.prepare(
        "SELECT uri FROM kfp_artifacts WHERE run_id = ? AND task_id = ? AND output = ? AND position = 0"));
    if (!MR_TRY(row.bind_all(run_id, task_id, output).step()))
      return fail(Code::not_found,
                  fmt::format("the task {} of the run {} has no artifact {}", task_id, run_id, output));
    uri = row.text(0);
    return {};
  }));
  return uri;
}

Result<Value> list_artifacts(Context& context, const Call& call) {
  Listing listing{"Artifact", "kfp_artifacts", kColumns, kFields, "artifacts", {}};
  show_family(context, listing, "run_id");
  return list(context.database, call, listing, [](const db::Statement& row) { return to_message(artifact_from(row)); });
}

Result<Value> get_artifact(Context& context, const Call& call) {
  const ArtifactRow artifact = MR_TRY(find_artifact(context.database, call.id()));
  MR_TRY(check_family(context, artifact.run_id));
  return to_message(artifact);
}

}  // namespace millrace::pipelines::api
