#pragma once
// What is left of a run on the disk beside its artifacts.

#include <string>

#include "pipelines/options.h"

namespace millrace::pipelines::executors {

// Removes the directories of a run's attempts, their logs, what was fetched for it, and its workspace. The run has
// ended and its rows are gone, so what cannot be removed is only noted in the log.
void remove_run_files(const Options& options, const std::string& run_id);

}  // namespace millrace::pipelines::executors
