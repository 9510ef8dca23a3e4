#include "pipelines/executors/python_client.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "base/file.h"

namespace millrace::pipelines::executors {

Result<std::filesystem::path> python_client(const std::filesystem::path& directory) {
  std::filesystem::path file = directory / python_client_name();
  struct stat info{};
  if (::stat(file.c_str(), &info) == 0 && (info.st_mode & 0777) == 0555) return file;
  MR_TRY(make_directories(directory, 0755));
  MR_TRY(write_file_atomic(file, python_client_bytes(), 0555));
  if (::access(file.c_str(), X_OK) != 0) return fail(system_error(file.native(), errno));
  return file;
}

}  // namespace millrace::pipelines::executors
