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
  // The shell sets the environment exactly as a user would, then becomes JupyterLab.
  const std::string script = fmt::format(
      "lines=$(\"$1\" env --data-dir \"$2\") || exit 1; eval \"$lines\"; "
      "command -v jupyter >/dev/null || {{ echo 'millrace: JupyterLab is not installed; run: pip install -r {}' >&2; "
      "exit 127; }}; "
      "cd \"$3\" && exec jupyter lab {}{}{}",
      (directory / "requirements.txt").string(), no_browser ? "--no-browser " : "",
      ::geteuid() == 0 ? "--allow-root " : "", kNotebook);
  const std::string executable = own_executable().string();
  const std::string data = data_dir.string(), place = std::filesystem::absolute(directory).string();
  ::execl("/bin/sh", "sh", "-c", script.c_str(), "sh", executable.c_str(), data.c_str(), place.c_str(),
          static_cast<char*>(nullptr));
  fmt::print(stderr, "millrace: /bin/sh could not be started\n");
  return 1;
}

}  // namespace millrace::app
