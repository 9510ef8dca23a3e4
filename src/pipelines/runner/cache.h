#pragma once
// Caching: a task that would do what an earlier one did takes that one's outputs. The fingerprint is over what makes
// the result: inputs, image and command line, environment, declared outputs, mounted claims, and what stands outside
// the pipeline (executors/surroundings.h: Secrets, config maps, fields of the pod, files of the image); not resources.
// A cacheKey of the task's own replaces it. It is looked for among the successes of pipelines of the same name.
//
// An artifact whose bytes are not all there any more is no hit: of each that was written its files and bytes are kept.
// Source: kubeflow/pipelines backend/src/v2/cacheutils/cache.go, backend/src/v2/driver/cache.go.

#include <optional>
#include <string>

#include "base/result.h"
#include "base/time.h"
#include "db/database.h"
#include "pipelines/engine/engine.h"
#include "pipelines/executors/process.h"

namespace millrace::pipelines::runner {

// Empty: the task is not to be cached.
// `surroundings`: executors::surroundings_digest().
std::string cache_fingerprint(const Options& options, const executors::RunContext& run, const engine::Node& node,
                              const Executor& executor, const std::string& surroundings = {});

struct CacheEntry {
  std::string fingerprint;
  executors::Outputs outputs;
  Value written = {};  // of the artifacts that have bytes: URI to [files, bytes]; null: not known
};
// What the store holds of the artifacts at this moment. Null: that cannot be said.
Value written_bytes(const Options& options, const executors::RunContext& run, const Value& artifacts);
// The newest success.
Result<std::optional<CacheEntry>> find_cached(db::Connection& connection, const std::string& fingerprint);
// All that was written is still there. Not within a transaction: what is in S3 is looked for there.
bool bytes_are_there(const Options& options, const Hooks& hooks, const executors::RunContext& run,
                     const CacheEntry& entry);
// Within the transaction that stores the success.
Status put_cached(db::Connection& connection, const CacheEntry& entry, const std::string& run_id, Time at);

}  // namespace millrace::pipelines::runner
