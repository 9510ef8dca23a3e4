#pragma once

/// A shared library that is loaded when one of its functions is first called, not when the program starts.
///
/// libcurl and libarchive bring 35 of the 52 libraries that the program would be linked with. Most of its processes
/// (the launcher, training workers, model servers, most commands) never call them, and each would pay 5 ms and 5 MB.
///
///     inline LazyLibrary curl_library{"libcurl.so.4", "libcurl4", "curl_easy_init"};
///     MR_LAZY_FUNCTION(curl_library, curl_easy_init)  // hides ::curl_easy_init in this namespace
///
/// A program that is packed together with its libraries under other names links them in the ordinary way: what the
/// process has loaded already is used. Thread safety: all of it. The library stays loaded until the process ends.

#include <atomic>
#include <mutex>  // once_flag

#include "base/result.h"

namespace millrace {

class LazyLibrary {
 public:
  /// `file`: its name for the dynamic linker, with its ABI's version. `package`: Debian's name, for the error. `known`:
  /// a function by which the library is found where the process has loaded it already.
  constexpr LazyLibrary(const char* file, const char* package, const char* known)
      : file_(file), package_(package), known_(known) {}

  /// Loads it. To be called, and its error returned, before functions of the library are.
  /// Error: unavailable, with the name of the package to install.
  Status load();

  /// The address of one function, loading the library where needed. Ends the program where there is none: load() has
  /// not been asked, or the library is not the one that its name promises.
  void* function(const char* name);

 private:
  const char* file_;
  const char* package_;
  const char* known_;
  std::once_flag once_;
  bool loaded_ = false;
  void* handle_ = nullptr;
};

/// Calls one function of a library; converts to a pointer to it.
template <class Pointer>
class LazyFunction {
 public:
  constexpr LazyFunction(LazyLibrary& library, const char* name) : library_(library), name_(name) {}

  // NOLINTNEXTLINE(google-explicit-constructor): it is the function, for whoever passes it on
  operator Pointer() const { return get(); }

  // By value: some of these functions have variable arguments, which arrays and functions reach as pointers.
  template <class... Arguments>
  auto operator()(Arguments... arguments) const {
    return get()(arguments...);
  }

 private:
  Pointer get() const {
    Pointer found = found_.load(std::memory_order_acquire);
    if (found == nullptr) {
      found = reinterpret_cast<Pointer>(library_.function(name_));
      found_.store(found, std::memory_order_release);
    }
    return found;
  }

  LazyLibrary& library_;
  const char* name_;
  mutable std::atomic<Pointer> found_{nullptr};
};

#define MR_LAZY_FUNCTION(library, name) inline constinit const LazyFunction<decltype(&::name)> name{library, #name};

}  // namespace millrace
