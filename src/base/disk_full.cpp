#include "base/disk_full.h"

#include <cerrno>

#include <fmt/core.h>

namespace millrace {

Error disk_full(std::string_view what) {
  return {
      Code::resource_exhausted,
      fmt::format("the disk is full: {}; free space, for example with `millrace prune` or by deleting runs or objects",
                  what),
      std::string(kDiskFullReason)};
}

bool is_disk_full(const Error& error) {
  return error.code == Code::resource_exhausted && error.reason == kDiskFullReason;
}

bool is_disk_full(int error_number) { return error_number == ENOSPC || error_number == EDQUOT; }

}  // namespace millrace
