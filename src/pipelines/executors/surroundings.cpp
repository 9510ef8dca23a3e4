#include "pipelines/executors/surroundings.h"

#include "base/hash.h"
#include "base/json.h"
#include "pipelines/executors/local_images.h"
#include "pipelines/executors/machine.h"

namespace millrace::pipelines::executors {

Result<std::string> surroundings_digest(const Options& options, const Hooks& hooks, const RunContext& run,
                                        const engine::Node& node, const Executor& executor) {
  std::string code = MR_TRY(code_digest(options, run, node, executor));
  const Value settings = MR_TRY(outer_settings(options, hooks, run, node, executor));
  if (settings.empty()) return code;
  return sha256_hex(code + to_json(settings));
}

}  // namespace millrace::pipelines::executors
