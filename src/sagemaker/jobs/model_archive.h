#pragma once
// model.tar.gz: packed so that the same files give the same bytes, unpacked so that nothing lands outside its folder.

#include <cstdint>
#include <filesystem>

#include "base/result.h"

namespace millrace::sagemaker {

// Every regular file below `folder`, names sorted, owner 0, times 0, mode 0644 or 0755. An empty folder packs too.
Status pack_folder(const std::filesystem::path& folder, const std::filesystem::path& archive);

struct UnpackLimits {
  std::uint64_t max_bytes = 20ull << 30;
  std::size_t max_entries = 100'000;
};
// Errors (invalid_argument; resource_exhausted past a limit): not a tar.gz, an absolute path, "..", a link or a device.
Status unpack_archive(const std::filesystem::path& archive, const std::filesystem::path& folder,
                      const UnpackLimits& limits = {});

}  // namespace millrace::sagemaker
