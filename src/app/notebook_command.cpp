#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <vector>

#include <fmt/core.h>

#include "app/commands.h"
#include "app/lab/assets.h"
#include "base/file.h"

namespace millrace::app {
namespace {

constexpr std::string_view kNotebook = "01_Kubeflow_Pipeline_SageMaker.ipynb";

// The shell sets the environment exactly as a user would, makes the Python environment that the notebook needs unless
// the one at hand has it, then becomes JupyterLab. Arguments: this program, the data directory, the notebook's
// directory, JupyterLab's options, the notebook.
constexpr std::string_view kScript = R"sh(
lines=$("$1" env --data-dir "$2") || exit 1
eval "$lines"
cd "$3" || exit 1
if ! { command -v jupyter && jupyter lab --version && python3 -c 'import boto3, kfp, kfp.kubernetes, matplotlib'; } >/dev/null 2>&1; then
  environment=${XDG_CACHE_HOME:-$HOME/.cache}/millrace/notebook
  wanted=$(cksum <requirements.txt)
  if [ "$(cat "$environment/installed" 2>/dev/null)" != "$wanted" ]; then
    echo "millrace: making the notebook's Python environment in $environment, once" >&2
    if ! { python3 -m venv "$environment" && "$environment/bin/pip" install --disable-pip-version-check -r requirements.txt; } >&2; then
      echo "millrace: the packages of $3/requirements.txt could not be installed" >&2
      exit 1
    fi
    echo "$wanted" >"$environment/installed"
  fi
  export PATH="$environment/bin:$PATH"
fi
exec jupyter lab $4 "$5"
)sh";

// The lab's files, laid out as the notebook expects them. A file that is there already is the user's own work.
Status unpack_lab(const std::filesystem::path& directory) {
  for (const LabAsset& asset : lab_assets()) {
    const auto path = directory / asset.path;
    if (std::filesystem::exists(path)) continue;
    MR_TRY(make_directories(path.parent_path()));
    MR_TRY(write_file(path, asset.content));
  }
  return {};
}

}  // namespace

int notebook_command(const std::filesystem::path& data_dir, const std::filesystem::path& directory, bool no_browser) {
  if (auto status = unpack_lab(directory); !status) {
    fmt::print(stderr, "millrace: {}\n", status.error().message);
    return 1;
  }
  const std::string executable = own_executable().string(), data = data_dir.string();
  const std::string place = std::filesystem::absolute(directory).string(), script(kScript), notebook(kNotebook);
  const std::string options =
      fmt::format("{}{}", no_browser ? "--no-browser " : "", ::geteuid() == 0 ? "--allow-root" : "");
  ::execl("/bin/sh", "sh", "-c", script.c_str(), "sh", executable.c_str(), data.c_str(), place.c_str(), options.c_str(),
          notebook.c_str(), static_cast<char*>(nullptr));
  fmt::print(stderr, "millrace: /bin/sh could not be started\n");
  return 1;
}

}  // namespace millrace::app
