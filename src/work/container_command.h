#pragma once
// A workload with an image as `podman run …`: the engine's client is a process, whose exit code is the container's.
// Source: podman-run(1), docker's "docker container run".

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "base/result.h"
#include "work/workload.h"

namespace millrace::work {

// Of a workload's key; what a container is called, and its directory of the server's.
std::string container_name(std::string_view key);

// Names this an image in a registry or in the engine's own storage? Not an option of the engine's client, nor a path of
// this machine (podman's dir:/…, oci-archive:/…), which the client would read with the server's rights.
bool is_image_reference(std::string_view image);

// The client's process. `directory`: of the container, made already, where only the server writes; files to be mounted
// are put there. The variables travel in the client's environment, so that no value shows in a list of processes.
// Errors: invalid_argument for an image, a mount or a file's name that an engine cannot be given; those of a mount's
// source that is not there, or that a link leads to.
Result<Workload> client_of(const std::filesystem::path& engine, Workload workload,
                           const std::filesystem::path& directory);

// The loopback port that client_of() has chosen for the container of this directory; 0: none.
std::uint16_t kept_port(const std::filesystem::path& directory);

}  // namespace millrace::work
