#include "pipelines/runner/references.h"

#include <utility>

#include "base/json.h"

namespace millrace::pipelines::runner {

Result<std::vector<FinishedRun>> finished_runs(db::Connection& connection) {
  std::vector<FinishedRun> runs;
  auto row = MR_TRY(connection.prepare(
      "SELECT id, name, finished FROM kfp_runs WHERE finished <> 0 ORDER BY finished DESC, id DESC"));
  while (MR_TRY(row.step())) {
    auto [id, name, finished] = row.columns<std::string, std::string, std::int64_t>();
    runs.push_back({std::move(id), std::move(name), from_epoch_ms(finished)});
  }
  return runs;
}

Result<std::set<std::string>> run_ids(db::Connection& connection) {
  std::set<std::string> ids;
  auto row = MR_TRY(connection.prepare("SELECT id FROM kfp_runs"));
  while (MR_TRY(row.step())) ids.insert(row.text(0));
  return ids;
}

Result<std::set<std::string>> referenced_uris(db::Connection& connection) {
  std::set<std::string> uris;
  auto made = MR_TRY(connection.prepare(
      "SELECT DISTINCT uri FROM kfp_artifacts WHERE run_id IN (SELECT id FROM kfp_runs) AND uri <> ''"));
  while (MR_TRY(made.step())) uris.insert(made.text(0));
  auto kept = MR_TRY(connection.prepare("SELECT artifacts FROM kfp_cache WHERE run_id IN (SELECT id FROM kfp_runs)"));
  while (MR_TRY(kept.step())) {
    const Value artifacts = MR_TRY(parse_json(kept.text(0)));
    for (const auto& [name, list] : artifacts.members()) {
      for (const Value& artifact : list["artifacts"].items()) uris.insert(artifact["uri"].string_or());
    }
  }
  uris.erase("");
  return uris;
}

Status forget_results_of_gone_runs(db::Connection& connection) {
  return MR_TRY(connection.prepare("DELETE FROM kfp_cache WHERE run_id NOT IN (SELECT id FROM kfp_runs)")).run();
}

}  // namespace millrace::pipelines::runner
