#include "base/lazy_library.h"

#include <dlfcn.h>

#include <fmt/core.h>

#include "base/assert.h"

namespace millrace {

Status LazyLibrary::load() {
  std::call_once(once_, [this] {
    if (::dlsym(RTLD_DEFAULT, known_) != nullptr) {
      handle_ = RTLD_DEFAULT;
      loaded_ = true;
    } else {
      handle_ = ::dlopen(file_, RTLD_NOW | RTLD_LOCAL);
      loaded_ = handle_ != nullptr;
    }
  });
  if (loaded_) return {};
  return fail(Code::unavailable, fmt::format("{} cannot be loaded; install it (Debian's package {})", file_, package_));
}

void* LazyLibrary::function(const char* name) {
  const Status loaded = load();
  MR_ASSERT(loaded, "a library is loaded before its functions are called");
  void* found = ::dlsym(handle_, name);
  MR_ASSERT(found != nullptr, "a library of this ABI has all its functions");
  return found;
}

}  // namespace millrace
