#include "sagemaker/serving/sockets.h"

#include <fcntl.h>

#include <cerrno>

#include <fmt/core.h>

#include "base/hash.h"

namespace millrace::sagemaker {

Result<Sockets> Sockets::open(const std::filesystem::path& directory) {
  MR_TRY(make_directories(directory, 0700));
  Fd fd(::open(directory.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!fd) return fail(system_error("cannot open " + directory.string(), errno));
  return Sockets(directory, std::move(fd));
}

std::string Sockets::name_of(std::string_view key) { return sha256_hex(key).substr(0, 24) + ".sock"; }

std::string Sockets::path_of(std::string_view key) const {
  return fmt::format("/proc/self/fd/{}/{}", fd_.get(), name_of(key));
}

void Sockets::remove(std::string_view key) const {
  std::error_code error;
  std::filesystem::remove(directory_ / name_of(key), error);
}

}  // namespace millrace::sagemaker
