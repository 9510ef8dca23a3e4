#include "base/descriptor_limit.h"

#include <sys/resource.h>

#include <algorithm>
#include <atomic>

namespace millrace {
namespace {

std::atomic<std::uint64_t> original{0};  // 0: never raised

}  // namespace

std::uint64_t descriptor_limit() {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  return limit.rlim_cur;
}

std::uint64_t raise_descriptor_limit(std::uint64_t most) {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  std::uint64_t none = 0;
  original.compare_exchange_strong(none, limit.rlim_cur);
  limit.rlim_cur = std::max<rlim_t>(limit.rlim_cur, std::min<rlim_t>(limit.rlim_max, most));
  ::setrlimit(RLIMIT_NOFILE, &limit);
  return descriptor_limit();
}

std::uint64_t original_descriptor_limit() {
  const std::uint64_t before = original;
  return before != 0 ? before : descriptor_limit();
}

}  // namespace millrace
