#pragma once
// What an image is on a machine that runs none: the directory that it would be built of (`millrace serve --image
// NAME=DIRECTORY`), as `kfp component build DIRECTORY --no-build-image` leaves it. A step of that image runs in it, in
// a Python environment of what its Dockerfile installs (python_environment.h). The files are those of the moment: an
// edited one counts from the next step on.

#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "pipelines/engine/engine.h"
#include "pipelines/executors/process.h"
#include "pipelines/executors/python_environment.h"
#include "pipelines/options.h"

namespace millrace::pipelines::executors {

constexpr std::size_t kMaxImageFiles = 20'000;  // beyond these a step of the image is not cached
constexpr std::size_t kMaxImageBytes = 512u << 20;

struct LocalImage {
  std::filesystem::path directory;  // of the machine
  std::string working_directory;    // of a step in a sandbox: the Dockerfile's WORKDIR, or `directory`
  std::vector<std::pair<std::string, std::string>> environment;  // ENV
  PythonPackages packages;
  std::vector<std::string> left_out;  // of the Dockerfile, see dockerfile.h
};

// Each directory is there and is a context; notes in the log what of its Dockerfile is not done. Errors: one sentence.
Status check_images(const Options& options);

// nullopt: no directory is used for this image.
Result<std::optional<LocalImage>> find_image(const Options& options, const std::string& image);

// Is the code of a step here? Not that of a containerised Python component (target_image), whose command names no
// module, unless its image is one of ours. An image that is only known during the run passes while there are any.
Status check_has_code(const Options& options, const Executor& executor, const std::string& image);

// Changes with every byte of the image's files, for the cache: a name does not identify fixed bytes here. Empty: no
// directory is used for the step's image. Errors: resource_exhausted for one too large to be looked through each time.
Result<std::string> code_digest(const Options& options, const RunContext& run, const engine::Node& node,
                                const Executor& executor);

}  // namespace millrace::pipelines::executors
