#pragma once
// Kept Python environments: a virtual environment is made once for all that decides its contents, by a child that can
// write to nothing else, and nobody changes it afterwards: what runs in it sees it read-only.
//
// What a program installs when it runs goes to a layer of its own: a virtual environment with nothing in it but a path
// to the kept one, so that pip takes what is there for installed and puts what is not, or is to be newer, in front. The
// machine's own Python is left alone. Source: the Python documentation's "site" (pyvenv.cfg, .pth files).
//
//   <directory>/python/<name>                  an environment; its file "published" says that it is whole
//   <directory>/python-builds/<name>.<id>/     of one that is being made

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "work/workload.h"

namespace millrace::work {

struct PythonPlaces {
  std::filesystem::path directory;            // the owner's
  std::string keys;                           // what the keys of builds begin with, with the '/' at its end
  std::vector<std::filesystem::path> hidden;  // from the child that makes one
};

// What makes an environment. Its name is to change with all that decides the contents.
struct PythonRecipe {
  std::string name;                     // of a directory
  std::string script, after;            // for a shell that has entered it: `script` is called with "true" as $0
  std::string at_start;                 // a module's text that each interpreter of it imports first; empty: none
  std::string interpreter = "python3";  // on PATH, or a path
  Variables variables;                  // for the child
};

// Does a variable of this name decide where pip finds packages, or which?
bool is_for_pip(std::string_view name);

// The program `name` on this PATH, without links: its own name says a Python's version. Empty: it is not there.
std::string program_on_path(std::string_view path, std::string_view name);

// A kept environment that is there, whole: its directory and the name of its lib/python3.… . nullopt: it is to be made.
struct KeptEnvironment {
  std::filesystem::path directory;
  std::string version;  // "python3.11"
};
std::optional<KeptEnvironment> find_environment(const std::filesystem::path& directory, const std::string& name);

// The workload's own layer in front of it, in `directory`, and the variables of a shell that has entered it. In a
// sandbox the layer has to be seen where it is here; the kept one is mounted.
Status enter_environment(const KeptEnvironment& environment, const std::filesystem::path& directory, Workload& step);
// The kept environment of a workload that has entered one.
std::optional<std::filesystem::path> kept_environment(const Workload& step);
// The layer's directory, in that of enter_environment().
std::filesystem::path layer_in(const std::filesystem::path& directory);

// What makes an environment, as a child.
struct PythonBuild {
  std::string name;
  Workload child;
};
// `step`: what first needs it: its PATH and LANG, its log (empty: one of the build's own); where it has a sandbox, so
// has the child. `image`: what the child sees beside the machine, in which it then works (step.working_directory).
Result<PythonBuild> build_environment(const PythonPlaces& places, const PythonRecipe& recipe, const Workload& step,
                                      const std::optional<Mount>& image = std::nullopt);
// What the child left becomes the environment, which it was not before. Errors: it left none.
Status publish_environment(const PythonPlaces& places, const PythonBuild& build);
void discard_build(const PythonPlaces& places, const PythonBuild& build);
// The keys of builds that nobody has seen end; their files go, and with `all` every environment that is not whole.
std::vector<std::string> discard_builds(const PythonPlaces& places, bool all);

}  // namespace millrace::work
