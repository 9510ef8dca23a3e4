#include "pipelines/executors/python_environment.h"

#include <algorithm>
#include <string_view>

#include "base/hash.h"
#include "base/strings.h"

namespace millrace::pipelines::executors {
namespace {

constexpr std::string_view kRest = "\"$0\" \"$@\"";  // what the SDK's script ends with

// $0: the environment, $1: the script, $2: what is run after it, then the component's command. The lock ends with the
// descriptor. Packages are kept for the next environment that wants them.
constexpr std::string_view kMake = R"(
environment=$0 script=$1 after=$2
shift 2
if [ -e "$environment/ready" ]; then
  PATH="$environment/bin:$PATH" VIRTUAL_ENV=$environment
  export PATH VIRTUAL_ENV
  exec "$@"
fi
packages="${PIP_CACHE_DIR:-${environment%/*}/packages}"
mkdir -p "${environment%/*}" || exit
exec 9>>"$environment.lock" && flock 9 || exit
if ! [ -e "$environment/ready" ]; then
  echo "Making the Python environment of this component; it is kept for the next time." >&2
  rm -rf "$environment"
  python3 -m venv "$environment" >&2 || { echo "python3 -m venv failed; on Debian it needs the package python3-venv." >&2; exit 1; }
  PATH="$environment/bin:$PATH" VIRTUAL_ENV=$environment PIP_CACHE_DIR=$packages sh -c "$script" true >&2 || exit
  PATH="$environment/bin:$PATH" VIRTUAL_ENV=$environment PIP_CACHE_DIR=$packages sh -c "$after" >&2 || exit
  : >"$environment/ready"
fi
exec 9>&-
PATH="$environment/bin:$PATH" VIRTUAL_ENV=$environment
export PATH VIRTUAL_ENV
exec "$@"
)";

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

}  // namespace

std::vector<std::string> in_python_environment(const std::filesystem::path& directory, const std::string& image,
                                               std::vector<std::string> command_line, const PythonPackages& of_image) {
  bool brings_script = installs_packages(command_line);
  if (brings_script && command_line[2].find("-m venv") != std::string::npos) {
    command_line[1] = kWithOwn;
    command_line.insert(command_line.begin() + 1, "-c");
    brings_script = false;
  }
  if (!brings_script && of_image.installs.empty()) return command_line;
  // The image's packages are there before the component asks for its own.
  std::string script = join(of_image.installs, " &&\n");
  if (brings_script) script = script.empty() ? command_line[2] : "{ " + script + "; } || exit\n" + command_line[2];
  const bool embedded = std::any_of(command_line.begin(), command_line.end(), [](const std::string& text) {
    return text.find("dsl.EmbeddedInput") != std::string::npos;
  });
  const std::string after(brings_script && embedded ? kWithEmbedded : ":");
  const std::string files = of_image.digest.empty() ? "" : '\n' + of_image.digest;
  const std::string name = sha256_hex(image + '\n' + script + '\n' + after + files).substr(0, 32);
  std::vector<std::string> wrapped = {"sh", "-c", std::string(kMake), (directory / name).string(), script, after};
  wrapped.insert(wrapped.end(), command_line.begin() + (brings_script ? 3 : 0), command_line.end());
  return wrapped;
}

std::optional<std::filesystem::path> kept_environment(const std::vector<std::string>& wrapped) {
  if (wrapped.size() < 4 || wrapped[0] != "sh" || wrapped[1] != "-c" || wrapped[2] != kMake) return std::nullopt;
  return wrapped[3];
}

}  // namespace millrace::pipelines::executors
