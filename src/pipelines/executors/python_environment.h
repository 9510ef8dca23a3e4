#pragma once
// Python components bring a script that installs their packages and then runs them:
//   sh -c '<… python3 -m pip install 'kfp==2.17.0' …> && "$0" "$@"' <the component's own command…>
// In a container that script has the image to itself. Here it gets a virtual environment of its own, made once for each
// text of such a script and used by all tasks that bring the same one (a script that makes one itself keeps it to its
// task); the machine's own Python is left alone. Source: kubeflow/pipelines sdk/python/kfp/dsl/component_factory.py.

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace millrace::pipelines::executors {

// What an image brings beside its component's own script (local_images.h).
struct PythonPackages {
  std::vector<std::string> installs;  // "pip install …", run in the step's working directory
  std::string digest;                 // of the files that they name
};

// The command line with the environment's making in the place of the script; a command line of another shape comes back
// as it is, unless its image brings packages. `directory` keeps the environments. Tasks that need the same one wait for
// the first; what an interrupted making left is thrown away.
std::vector<std::string> in_python_environment(const std::filesystem::path& directory, const std::string& image,
                                               std::vector<std::string> command_line,
                                               const PythonPackages& of_image = {});

// The kept environment of a command line that in_python_environment() made; nullopt: it has none.
std::optional<std::filesystem::path> kept_environment(const std::vector<std::string>& wrapped);

}  // namespace millrace::pipelines::executors
