#pragma once
// Names of threads, as ps -T, top -H, gdb and /proc/PID/task show them. Which there are: docs/threads.md.

#include <pthread.h>

#include <cstddef>

namespace millrace {

// At most 15 bytes, the kernel's limit (pthread_setname_np(3)); a longer one does not compile.
class ThreadName {
 public:
  consteval ThreadName(const char* text) : text_(text) {
    std::size_t size = 0;
    while (text[size] != '\0') ++size;
    if (size > 15) throw "a thread's name has at most 15 bytes";
  }
  const char* text() const { return text_; }

 private:
  const char* text_;
};

// The calling thread's.
inline void name_thread(ThreadName name) { ::pthread_setname_np(::pthread_self(), name.text()); }

}  // namespace millrace
