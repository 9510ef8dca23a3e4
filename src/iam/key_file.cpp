#include <sys/stat.h>

#include <fmt/core.h>

#include "base/file.h"
#include "base/ids.h"
#include "iam/iam.h"

namespace millrace::iam {

Result<std::string> open_encryption_key(const std::string& path) {
  constexpr std::size_t kBytes = 32;
  struct stat info{};
  if (::stat(path.c_str(), &info) != 0) {
    std::string key(kBytes, '\0');
    random_bytes(std::span(reinterpret_cast<std::uint8_t*>(key.data()), key.size()));
    MR_TRY(write_file_atomic(path, key, 0600));
    return key;
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

}  // namespace millrace::iam
