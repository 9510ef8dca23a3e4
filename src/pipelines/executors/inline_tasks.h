#pragma once
// Tasks that need no process: importers, and the two components of the SDK's Kubernetes extension that make and delete
// a PersistentVolumeClaim (a directory here).
// Source: kubeflow/pipelines backend/src/v2/component/importer_launcher.go, backend/src/v2/driver/k8s.go.

#include <filesystem>
#include <optional>
#include <string>

#include "base/result.h"
#include "pipelines/executors/process.h"

namespace millrace::pipelines::executors {

bool runs_inline(const Executor& executor);
// nullopt: it needs a process. Doing it again does no harm: a server may die before it has noted the outcome.
std::optional<Result<Outputs>> run_inline(const Options& options, const Hooks& hooks, const RunContext& run,
                                          const engine::Node& node, const Executor& executor);

// The directory of a claim. Errors: invalid_argument where Kubernetes would not take the name.
Result<std::filesystem::path> claim_directory(const Options& options, const std::string& name);
// May the run use the claim? One that its pipeline was given, or that it or a run above it has made. Errors:
// permission_denied.
Status check_claim(const Options& options, const RunContext& run, const std::string& name);
// The directory that the tasks of a run share, where its pipeline asks for one.
std::filesystem::path workspace_directory(const Options& options, const std::string& run_id);

}  // namespace millrace::pipelines::executors
