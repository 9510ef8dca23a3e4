#include "base/assert.h"

#include <cstdlib>

#include "base/log.h"

namespace millrace {

void assertion_failed(const char* condition, const char* meaning, const char* file, int line) noexcept {
  try {
    log::set_level(log::Level::error);  // whatever was asked for: nothing comes after it
    log::error("this cannot be: {} ({}, {}:{})", meaning, condition, file, line);
  } catch (...) {  // without a word, but no further
  }
  std::abort();
}

}  // namespace millrace
