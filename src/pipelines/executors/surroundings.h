#pragma once
// What a task's result depends on beside its inputs, its image's name and its command line: things outside the pipeline
// that may be other ones at its next run.

#include <string>

#include "base/result.h"
#include "pipelines/engine/engine.h"
#include "pipelines/executors/process.h"

namespace millrace::pipelines::executors {

// Changes with the data of the Secrets and config maps that the task is given, with the fields of its pod that it is
// given, and with every byte of the directory that represents its image. Empty: there is nothing of the kind. Errors: a
// Secret that is missing; resource_exhausted for a directory too large to be looked through each time.
Result<std::string> surroundings_digest(const Options& options, const Hooks& hooks, const RunContext& run,
                                        const engine::Node& node, const Executor& executor);

}  // namespace millrace::pipelines::executors
