#pragma once
// Python components bring a script that installs their packages and then runs them:
//   sh -c '<… python3 -m pip install 'kfp==2.17.0' …> && "$0" "$@"' <the component's own command…>
// In a container that script has the image to itself. Here its packages are in a virtual environment that is made once
// for all that decides its contents (the script, the image, the interpreter, pip's variables), by a child that can
// write to nothing else, and that nobody changes afterwards: steps see it read-only (runner/environments.h). A script
// that makes a virtual environment itself keeps it to its task.
//
// What a step installs when it runs goes to a layer of its attempt's own: a virtual environment with nothing in it but
// a path to the kept one, so that pip takes what is there for installed and puts what is not, or is to be newer, in
// front. The machine's own Python is left alone. Source: kubeflow/pipelines sdk/python/kfp/dsl/component_factory.py;
// the Python documentation's "site" (pyvenv.cfg, .pth files).
//
//   <directory>/python/<name>                  an environment; its file "published" says that it is whole
//   <directory>/python-builds/<name>.<id>/     of one that is being made

#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "pipelines/options.h"
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
  std::string name;                       // empty: it needs none that is kept
  std::string script, after;              // what makes it, both for a shell
  Variables variables;                    // that pip looks at
  std::vector<std::string> command_line;  // what is run in it
};
// A command line of another shape comes back as it is, unless its image brings packages. `variables`: the step's.
PythonEnvironment python_environment(const std::string& image, std::vector<std::string> command_line,
                                     const Variables& variables, const PythonPackages& of_image = {});

// A kept environment that is there, whole: its directory and the name of its lib/python3.… . nullopt: it is to be made.
struct KeptEnvironment {
  std::filesystem::path directory;
  std::string version;  // "python3.11"
};
std::optional<KeptEnvironment> find_environment(const Options& options, const std::string& name);

// The attempt's own layer in front of it, in its `directory`, and the variables of a shell that has entered it.
Status enter_environment(const KeptEnvironment& environment, const std::filesystem::path& directory,
                         work::Workload& step);
// The kept environment of a step that has entered one.
std::optional<std::filesystem::path> kept_environment(const work::Workload& step);

// What makes an environment, as a child. `step`: of the first attempt that needs it, for its working directory, its log
// and, where there is a sandbox, for what its image is.
struct PythonBuild {
  std::string name;
  work::Workload child;
};
Result<PythonBuild> build_environment(const Options& options, const PythonEnvironment& environment,
                                      const work::Workload& step, const std::optional<work::Mount>& image);
std::string environment_build_keys();  // what the keys of builds begin with
// What the child left becomes the environment, which it was not before. Errors: it left none.
Status publish_environment(const Options& options, const PythonBuild& build);
void discard_build(const Options& options, const PythonBuild& build);
// The keys of builds that nobody has seen end; their files go, and with `all` every environment that is not whole.
std::vector<std::string> discard_builds(const Options& options, bool all);

}  // namespace millrace::pipelines::executors
