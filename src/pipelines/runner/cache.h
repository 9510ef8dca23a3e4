#pragma once
// Caching: a task that would do what an earlier one did takes that one's outputs. The fingerprint is over what makes
// the result: inputs, image and command line, the code where a directory stands for the image, declared outputs,
// mounted claims; not environment or resources. A cacheKey of the task's own replaces it. It is looked for among the
// successes of pipelines of the same name.
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
// `code`: executors::code_digest().
std::string cache_fingerprint(const Options& options, const executors::RunContext& run, const engine::Node& node,
                              const Executor& executor, const std::string& code = {});

struct CacheEntry {
  std::string fingerprint;
  executors::Outputs outputs;
};
// The newest success whose artifacts are all still there.
Result<std::optional<executors::Outputs>> find_cached(db::Connection& connection, const Options& options,
                                                      const std::string& fingerprint);
// Within the transaction that stores the success.
Status put_cached(db::Connection& connection, const CacheEntry& entry, const std::string& run_id, Time at);

}  // namespace millrace::pipelines::runner
