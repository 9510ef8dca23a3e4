#include "pipelines/runner/cache.h"

#include <algorithm>
#include <optional>
#include <utility>

#include <fmt/core.h>

#include "base/hash.h"
#include "base/json.h"
#include "base/untrusted_tree.h"
#include "pipelines/executors/inputs.h"
#include "pipelines/executors/placeholders.h"
#include "pipelines/executors/store.h"

namespace millrace::pipelines::runner {
namespace {

// Of a directory; beyond these it counts as it is.
constexpr UntrustedTree::Limits kCounted{10'000, ~std::uint64_t{0}, 100};

template <class Call>
void for_each_uri(const Value& artifacts, Call call) {
  for (const auto& [name, list] : artifacts.members()) {
    for (const Value& artifact : list["artifacts"].items()) {
      if (const std::string uri = artifact["uri"].string_or(); executors::store_place(uri)) call(uri);
    }
  }
}

// [files, bytes]; null: nothing is there.
Value bytes_at(const Options& options, const executors::RunContext& run, const std::string& uri) {
  const auto found = executors::find_artifact(options, uri, run.run_id);
  if (!found) return {};
  const auto info = found->tree.info(found->path, Links::within);
  if (!info || !*info) return {};
  std::int64_t files = 0, bytes = 0;
  const auto count = [&](const FileInfo& one) {
    if (one.kind == FileKind::directory) return;
    ++files;
    if (one.kind == FileKind::regular) bytes += static_cast<std::int64_t>(one.size);
  };
  count(**info);
  if ((*info)->kind == FileKind::directory) {
    const Status walked =
        found->tree.walk(found->path, Links::within, kCounted, [&](const UntrustedTree::Entry& entry) {
          count(entry.info);
          return Status();
        });
    if (!walked) files = bytes = -1;  // it is there, and is too large to be looked through each time
  }
  return Value::array({files, bytes});
}

}  // namespace

namespace {

std::string fingerprint(const Options& options, const executors::RunContext& run, const engine::Node& node,
                        const Executor& executor, const std::string& surroundings) {
  if (!node.task->cached || executor.importer) return {};
  if (!node.task->cache_key.empty()) {
    return sha256_hex(fmt::format("{}\n{}\n{}", run.pipeline_name, node.task->component, node.task->cache_key));
  }
  // A parameter that names the run makes it another run's task, as upstream.
  const Value nothing;
  const executors::PlaceholderContext context = executors::placeholders(options, run, node, nothing);
  const Value parameters = executors::resolved_parameters(node, context);
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
  Value environment = Value::array();
  for (const auto& [name, value] : executor.environment) environment.push(Value::array({name, value}));
  Value whole = Value::object({{"pipeline", run.pipeline_name},
                               {"inputs", std::move(inputs)},
                               {"artifacts", std::move(artifacts)},
                               {"outputs", std::move(outputs)},
                               {"image", executor.image},
                               {"command", executors::with_facts(Value::texts(executor.command), context)},
                               {"arguments", executors::with_facts(Value::texts(executor.arguments), context)},
                               {"environment", executors::with_facts(environment, context)},
                               {"claims", std::move(claims)}});
  if (!surroundings.empty()) whole.set("surroundings", surroundings);
  return sha256_hex(to_json(whole));
}

}  // namespace

std::string cache_fingerprint(const Options& options, const executors::RunContext& run, const engine::Node& node,
                              const Executor& executor, const std::string& surroundings) {
  std::string own = fingerprint(options, run, node, executor, surroundings);
  // What a step has started neither gets the outputs of runs with more rights nor leaves any to them: runs that the
  // same run's steps have started share theirs.
  return own.empty() || run.parent_run_id.empty() ? own : sha256_hex(run.parent_run_id + '\n' + own);
}

Value written_bytes(const Options& options, const executors::RunContext& run, const Value& artifacts) {
  Value written = Value::object();
  for_each_uri(artifacts, [&](const std::string& uri) {
    Value bytes = bytes_at(options, run, uri);
    if (!bytes.is_null()) written.set(uri, std::move(bytes));
  });
  return written;
}

bool bytes_are_there(const Options& options, const Hooks& hooks, const executors::RunContext& run,
                     const CacheEntry& entry) {
  if (entry.written.is_null()) return false;
  return std::ranges::all_of(entry.written.members(), [&](const auto& one) {
    const auto& [uri, bytes] = one;
    // The bytes that others read are S3's, whatever is left of them here.
    if (uri.starts_with("s3://") && hooks.look_up) return hooks.look_up(run.run_id, uri).has_value();
    return bytes_at(options, run, uri) == bytes;
  });
}

Result<std::optional<CacheEntry>> find_cached(db::Connection& connection, const std::string& fingerprint) {
  auto row = MR_TRY(connection.prepare("SELECT parameters, artifacts, written FROM kfp_cache WHERE fingerprint = ?"));
  if (!MR_TRY(row.bind_all(fingerprint).step())) return std::optional<CacheEntry>();
  CacheEntry entry{fingerprint, {}, {}};
  const auto [parameters, artifacts, written] = row.columns<std::string, std::string, std::string>();
  entry.outputs.parameters = MR_TRY(parse_json(parameters));
  entry.outputs.artifacts = MR_TRY(parse_json(artifacts));
  entry.written = MR_TRY(parse_json(written));
  return std::optional<CacheEntry>(std::move(entry));
}

Status put_cached(db::Connection& connection, const CacheEntry& entry, const std::string& run_id, Time at) {
  auto row = MR_TRY(connection.prepare(
      "INSERT INTO kfp_cache(fingerprint, run_id, created, parameters, artifacts, written) VALUES(?,?,?,?,?,?) "
      "ON CONFLICT(fingerprint) DO UPDATE SET run_id = excluded.run_id, created = excluded.created, "
      "parameters = excluded.parameters, artifacts = excluded.artifacts, written = excluded.written"));
  return row
      .bind_all(entry.fingerprint, run_id, to_epoch_ms(at), to_json(entry.outputs.parameters),
                to_json(entry.outputs.artifacts), to_json(entry.written))
      .run();
}

}  // namespace millrace::pipelines::runner
