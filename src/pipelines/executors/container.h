#pragma once
// The container executor: a task in its own image, by podman or docker. What prepare() made for a sandbox (the command,
// the variables, what is mounted where, the limits) becomes `podman run …`; the engine's client is what the launcher
// starts and supervises, and its exit code is the container's. Source: podman-run(1), docker's "docker container run".

#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"
#include "pipelines/executors/process.h"

namespace millrace::pipelines::executors {

// The engine to use: `given`, else podman, else docker on PATH. Errors: failed_precondition, one sentence, where none
// is there or it does not answer.
Result<std::filesystem::path> find_container_engine(const std::string& given);

// Does this task go into a container? Components that run natively do not.
bool is_contained(const Options& options, const Hooks& hooks, const Executor& executor);

// Makes of `step` (as prepare() made it for a sandbox, with the plain command line) the engine's client. `directory`:
// the attempt's. The variables travel in the client's environment, so that no value shows in a list of processes.
Status put_into_container(const std::filesystem::path& engine, const Executor& executor, const std::string& image,
                          std::vector<std::string> command_line, const std::filesystem::path& directory,
                          work::Workload& step);

// The name of an attempt's container, of its launch key.
std::string container_name(const std::string& launch_key);
// What removes the container that a killed client left behind; for nothing where there is none.
work::Workload remove_container(const std::filesystem::path& engine, const std::string& launch_key,
                                const std::filesystem::path& directory);
std::string remove_container_keys();  // what the launch keys of those begin with

}  // namespace millrace::pipelines::executors
