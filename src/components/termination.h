#pragma once
#include <chrono>

#include "base/file.h"

namespace millrace::components {

// SIGTERM as something one can wait for: blocked in this thread while this lives, and taken from a descriptor, so that
// no handler runs in the middle of a call.
class Termination {
 public:
  Termination();
  ~Termination();
  Termination(const Termination&) = delete;
  Termination& operator=(const Termination&) = delete;

  // Waits; true as soon as SIGTERM has come (once for each).
  bool wait(std::chrono::milliseconds longest);

 private:
  Fd signals_;
  bool was_blocked_ = false;
};

}  // namespace millrace::components
