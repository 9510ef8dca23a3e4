#include "pipelines/runner/cache.h"

#include <algorithm>
#include <optional>

#include <fmt/core.h>

#include "base/hash.h"
#include "base/json.h"
#include "base/untrusted_tree.h"
#include "pipelines/executors/inputs.h"
#include "pipelines/executors/store.h"
#include "pipelines/runner/bind.h"

namespace millrace::pipelines::runner {
namespace {

Value strings(const std::vector<std::string>& texts) {
  Value out = Value::array();
  for (const std::string& text : texts) out.push(text);
  return out;
}

bool artifacts_are_there(const Options& options, const Value& artifacts) {
  std::optional<UntrustedTree> store;
  for (const auto& [name, list] : artifacts.members()) {
    for (const Value& artifact : list["artifacts"].items()) {
      // What a task never wrote was not there before either; a store's bucket that is gone has lost what was.
      const std::string uri = artifact["uri"].string_or();
      if (!uri.starts_with("minio://")) continue;
      const auto place = executors::store_place(uri);
      if (!place) return false;
      if (!store) {
        auto opened = executors::open_store(options);
        if (!opened) return false;
        store = std::move(*opened);
      }
      if (!store->is_directory(executors::parent_place(*place))) return false;
    }
  }
  return true;
}

}  // namespace

namespace {

std::string fingerprint(const Options& options, const executors::RunContext& run, const engine::Node& node,
                        const Executor& executor, const std::string& code) {
  if (!node.task->cached || executor.importer) return {};
  if (!node.task->cache_key.empty()) {
    return sha256_hex(fmt::format("{}\n{}\n{}", run.pipeline_name, node.task->component, node.task->cache_key));
  }
  // A parameter that names the run makes it another run's task, as upstream.
  const Value parameters = executors::told_parameters(node, executors::placeholders(options, run, node, Value()));
  Value inputs = Value::object(), artifacts = Value::object(), outputs = Value::object(), claims = Value::array();
  // Sorted by name: members() of a resolved node are in the order of the pipeline's text.
  for (const auto& [name, spec] : node.component->parameters) {
    if (const Value* value = parameters.find(name)) inputs.set(name, *value);
  }
  for (const auto& [name, value] : parameters.members()) {
    if (!inputs.has(name)) inputs.set(name, value);
  }
  for (const auto& [name, list] : node.artifacts.members()) {
    Value uris = Value::array();
    for (const Value& artifact : list["artifacts"].items()) uris.push(artifact["uri"]);
    artifacts.set(name, std::move(uris));
  }
  for (const auto& [name, type] : node.component->output_parameters)
    outputs.child("parameters").set(name, parameter_type_name(type));
  for (const auto& [name, spec] : node.component->output_artifacts)
    outputs.child("artifacts").set(name, spec.schema_title + "/" + spec.schema_version);
  for (const VolumeMount& volume : executor.volumes) {
    if (volume.kind != VolumeMount::Kind::claim) continue;
    claims.push(volume.claim.source < 0 ? volume.claim.value
                                        : node.settings[static_cast<std::size_t>(volume.claim.source)]);
  }
  Value whole = Value::object({{"pipeline", run.pipeline_name},
                               {"inputs", std::move(inputs)},
                               {"artifacts", std::move(artifacts)},
                               {"outputs", std::move(outputs)},
                               {"image", executor.image},
                               {"command", strings(executor.command)},
                               {"arguments", strings(executor.arguments)},
                               {"claims", std::move(claims)}});
  if (!code.empty()) whole.set("code", code);
  return sha256_hex(to_json(whole));
}

}  // namespace

std::string cache_fingerprint(const Options& options, const executors::RunContext& run, const engine::Node& node,
                              const Executor& executor, const std::string& code) {
  std::string own = fingerprint(options, run, node, executor, code);
  // What a step has started neither gets the outputs of runs with more rights nor leaves any to them: runs that the
  // same run's steps have started share theirs.
  return own.empty() || run.parent_run_id.empty() ? own : sha256_hex(run.parent_run_id + '\n' + own);
}

Result<std::optional<executors::Outputs>> find_cached(db::Connection& connection, const Options& options,
                                                      const std::string& fingerprint) {
  auto row = MR_TRY(connection.prepare("SELECT parameters, artifacts FROM kfp_cache WHERE fingerprint = ?"));
  if (!MR_TRY(bind_all(row, fingerprint).step())) return std::optional<executors::Outputs>();
  executors::Outputs outputs;
  outputs.parameters = MR_TRY(parse_json(row.text(0)));
  outputs.artifacts = MR_TRY(parse_json(row.text(1)));
  if (!artifacts_are_there(options, outputs.artifacts)) return std::optional<executors::Outputs>();
  return std::optional<executors::Outputs>(std::move(outputs));
}

Status put_cached(db::Connection& connection, const CacheEntry& entry, const std::string& run_id, Time at) {
  auto row = MR_TRY(
      connection.prepare("INSERT INTO kfp_cache(fingerprint, run_id, created, parameters, artifacts) VALUES(?,?,?,?,?) "
                         "ON CONFLICT(fingerprint) DO UPDATE SET run_id = excluded.run_id, created = excluded.created, "
                         "parameters = excluded.parameters, artifacts = excluded.artifacts"));
  return bind_all(row, entry.fingerprint, run_id, to_epoch_ms(at), to_json(entry.outputs.parameters),
                  to_json(entry.outputs.artifacts))
      .run();
}

}  // namespace millrace::pipelines::runner
