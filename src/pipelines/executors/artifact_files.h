#pragma once
// Where an artifact's bytes are.

#include <filesystem>
#include <string_view>

#include "base/result.h"
#include "pipelines/pipelines.h"

namespace millrace::pipelines::executors {

// The file (or directory) that a uri names: a plain path or file://, in the artifacts of the pipelines' directory.
// A uri is what a task says, so one that leads elsewhere, by dots or by a symbolic link, is nobody's to read over the
// API. Errors: not_found; permission_denied for a path outside; unimplemented for another store's.
Result<std::filesystem::path> readable_artifact(const Options& options, std::string_view uri);

}  // namespace millrace::pipelines::executors
