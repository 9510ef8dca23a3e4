#pragma once
// Python components bring a script that installs their packages and then runs them:
//   sh -c '<… python3 -m pip install 'kfp==2.17.0' …> && "$0" "$@"' <the component's own command…>
// In a container that script has the image to itself. Here its packages are in a kept environment
// (work/python_environment.h), whose name changes with the script, the image, the interpreter and pip's variables. A
// script that makes a virtual environment itself keeps it to its task.
// Source: kubeflow/pipelines sdk/python/kfp/dsl/component_factory.py.

#include <string>
#include <utility>
#include <vector>

#include "pipelines/options.h"
#include "work/python_environment.h"
#include "work/workload.h"

namespace millrace::pipelines::executors {

using Variables = std::vector<std::pair<std::string, std::string>>;

// What an image brings beside its component's own script (local_images.h).
struct PythonPackages {
  std::vector<std::string> installs;  // "pip install …", run in the step's working directory
  std::string digest;                 // of the files that they name
};

// How a command line is run that needs packages.
struct PythonEnvironment {
  work::PythonRecipe recipe;              // without a name: it needs none that is kept
  std::vector<std::string> command_line;  // what is run in it
};
// A command line of another shape comes back as it is, unless its image brings packages. `variables`: the step's.
PythonEnvironment python_environment(const std::string& image, std::vector<std::string> command_line,
                                     const Variables& variables, const PythonPackages& of_image = {});

work::PythonPlaces python_places(const Options& options);  // of pipelines' kept environments
std::string environment_build_keys();

}  // namespace millrace::pipelines::executors
