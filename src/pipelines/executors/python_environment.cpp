#include "pipelines/executors/python_environment.h"

#include <algorithm>
#include <string_view>

#include <fmt/core.h>

#include "base/hash.h"
#include "base/strings.h"

namespace millrace::pipelines::executors {
namespace {

constexpr std::string_view kRest = "\"$0\" \"$@\"";  // what the SDK's script ends with
constexpr std::string_view kForm = "3";              // of an environment: another one makes them all anew

// What each interpreter of an environment does when an exception ends it. What was printed comes before the traceback,
// as it was meant; and what the component had logged of its artifacts is kept, which the SDK writes at a good end only.
constexpr std::string_view kAtException = R"py(import sys

def _keep_outputs(trace):
    while trace is not None:
        found = trace.tb_frame.f_locals.get("self")
        if type(found).__name__ == "Executor" and type(found).__module__.startswith("kfp."):
            found.write_executor_output()
            return
        trace = trace.tb_next

def _at_exception(kind, error, trace, shown=sys.excepthook):
    try:
        sys.stdout.flush()
    except Exception:
        pass
    shown(kind, error, trace)
    try:
        _keep_outputs(error.__traceback__)
    except BaseException:
        pass

sys.excepthook = _at_exception
)py";

// A script that makes a virtual environment itself and runs the component in it: what it installs before goes to the
// task's own directory. $0: the script.
constexpr std::string_view kWithOwn = R"(
# Of a virtual environment pip gives a user nothing: what is under it does.
base=$(python3 -c 'import sys; print(sys.base_prefix if sys.prefix != sys.base_prefix else "")')
[ -z "$base" ] || export PATH="$base/bin:$PATH"
export PIP_USER=1 PIP_BREAK_SYSTEM_PACKAGES=1 PYTHONUSERBASE="$PWD/python"
exec sh -c "$0" "$@"
)";

// Components with embedded artifacts were compiled by SDKs that name a release without them (2.14.3 and before): what
// they import came with a later one.
constexpr std::string_view kWithEmbedded =
    "{ python3 -c 'from kfp.dsl import EmbeddedInput' 2>/dev/null || python3 -m pip install --quiet --upgrade kfp; }";

bool installs_packages(const std::vector<std::string>& command_line) {
  return command_line.size() >= 4 && command_line[0] == "sh" && command_line[1] == "-c" &&
         command_line[2].find("pip install") != std::string::npos && trim(command_line[2]).ends_with(kRest);
}

std::string value_of(const Variables& variables, std::string_view name) {
  for (const auto& [variable, value] : variables) {
    if (variable == name) return value;
  }
  return {};
}

}  // namespace

PythonEnvironment python_environment(const std::string& image, std::vector<std::string> command_line,
                                     const Variables& variables, const PythonPackages& of_image) {
  PythonEnvironment out;
  bool brings_script = installs_packages(command_line);
  if (brings_script && command_line[2].find("-m venv") != std::string::npos) {
    command_line[1] = kWithOwn;
    command_line.insert(command_line.begin() + 1, "-c");
    brings_script = false;
  }
  out.command_line = std::move(command_line);
  if (!brings_script && of_image.installs.empty()) return out;
  // The image's packages are there before the component asks for its own.
  out.recipe.script = join(of_image.installs, " &&\n");
  if (brings_script)
    out.recipe.script = out.recipe.script.empty() ? out.command_line[2]
                                                  : "{ " + out.recipe.script + "; } || exit\n" + out.command_line[2];
  const bool embedded = std::any_of(out.command_line.begin(), out.command_line.end(), [](const std::string& text) {
    return text.find("dsl.EmbeddedInput") != std::string::npos;
  });
  out.recipe.after = brings_script && embedded ? kWithEmbedded : ":";
  std::string all = fmt::format("{}\n{}\n{}\n{}\n{}\n{}", kForm, image, out.recipe.script, out.recipe.after,
                                of_image.digest, work::program_on_path(value_of(variables, "PATH"), "python3"));
  for (const auto& variable : variables) {
    if (!work::is_for_pip(variable.first)) continue;
    out.recipe.variables.push_back(variable);
    all += fmt::format("\n{}={}", variable.first, variable.second);
  }
  out.recipe.at_start = kAtException;
  out.recipe.name = sha256_hex(all).substr(0, 32);
  if (brings_script) out.command_line.erase(out.command_line.begin(), out.command_line.begin() + 3);
  return out;
}

work::PythonPlaces python_places(const Options& options) {
  work::PythonPlaces places{options.directory, environment_build_keys(), options.hidden};
  places.hidden.push_back(options.directory);
  return places;
}

std::string environment_build_keys() { return "environment/"; }

}  // namespace millrace::pipelines::executors
