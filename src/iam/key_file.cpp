#include <sys/stat.h>

#include <cerrno>

#include <fmt/core.h>

#include "base/file.h"
#include "base/ids.h"
#include "iam/iam.h"

namespace millrace::iam {
namespace {

constexpr std::size_t kBytes = 32;

}  // namespace

Result<std::string> read_encryption_key(const std::string& path) {
  struct stat info{};
  if (::stat(path.c_str(), &info) != 0 && errno == ENOENT) {
    return fail(Code::not_found, fmt::format("there is no key file {}; put it back, or make one for a new data "
                                             "directory: (umask 077; head -c {} /dev/urandom > {})",
                                             path, kBytes, path));
  }
  if ((info.st_mode & 077) != 0) {
    return fail(Code::permission_denied,
                fmt::format("the key file {} can be read by others; make it private: chmod 600 {}", path, path));
  }
  auto key = MR_TRY(read_file(path, 4096));
  if (key.size() != kBytes)
    return fail(Code::data_loss, fmt::format("the key file {} does not hold {} bytes", path, kBytes));
  return key;
}

Result<std::string> make_encryption_key(const std::string& path) {
  std::string key(kBytes, '\0');
  random_bytes(std::span(reinterpret_cast<std::uint8_t*>(key.data()), key.size()));
  MR_TRY(write_file_atomic(path, key, 0600));
  return key;
}

}  // namespace millrace::iam
