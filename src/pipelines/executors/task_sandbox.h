#pragma once
// What a step of a pipeline sees of the machine and of the server's files.

#include <filesystem>

#include "pipelines/executors/process.h"
#include "pipelines/options.h"
#include "work/workload.h"

namespace millrace::pipelines::executors {

// What a task of the run may see: the machine read-only, `directory` (its own, in the run's directory, with its /tmp in
// tmp/), the run's workspace; nothing else of the server's. artifact_mounts() are to be added.
work::Sandbox task_sandbox(const Options& options, const RunContext& run, const std::filesystem::path& directory);

// What steps may write to and was made when they had another user, as by an earlier version, becomes the children's
// user's. Looked at once, when the server starts: it is walked where its directory is not that user's.
void give_older_files(const Options& options);

}  // namespace millrace::pipelines::executors
