#pragma once
// A task's input artifacts: where their bytes are on this machine, and how the task is shown them.

#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"
#include "pipelines/engine/engine.h"
#include "pipelines/executors/process.h"
#include "work/workload.h"

namespace millrace::pipelines::executors {

// Inputs whose bytes are in S3 are fetched each time: what was imported may have changed there. Not those that the run
// itself has made, which are here. Errors are the task's.
Status bring_artifacts(const Options& options, const Hooks& hooks, const RunContext& run, const engine::Node& node);

// One of them; s3://….
Status bring_artifact(const Options& options, const Hooks& hooks, const RunContext& run, const std::string& uri);

// Is there an object of this URI, s3://…, or any below it? Fetches it only where nobody can say without. Errors: S3's.
Status is_in_s3(const Options& options, const Hooks& hooks, const RunContext& run, const std::string& uri);

// What a task in a sandbox sees of the artifacts: those of its run, of which it writes to its own (a place of the
// store; empty: it makes none), and its inputs from elsewhere. Nothing of other runs'.
Result<std::vector<work::Mount>> artifact_mounts(const Options& options, const RunContext& run,
                                                 const engine::Node& node, const std::string& own);

// The URI of an import from this machine is one of a file or directory that the operator has opened to pipelines
// (Options::import_directories). Errors: permission_denied.
struct ImportedFile {
  std::filesystem::path directory;  // the one that was opened
  std::string path;                 // in it
};
Result<ImportedFile> imported_file(const Options& options, const std::string& uri);

// Each is an absolute directory that is there, apart from what no task may see; makes them free of links. Errors: one
// sentence.
Status check_import_directories(Options& options);

}  // namespace millrace::pipelines::executors
