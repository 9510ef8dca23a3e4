#pragma once
// Invariants, checked in every build: a state that cannot be ends the process before it reaches the disk, and the
// journal of the database and the launcher's children are what the next start goes on from. Not for what a client, a
// child or a file can cause: that is an Error.

namespace millrace {

// Logs the condition, what it means and its place, then aborts.
[[noreturn]] void assertion_failed(const char* condition, const char* meaning, const char* file, int line) noexcept;

}  // namespace millrace

// `meaning`: the invariant in words, a string literal.
#define MR_ASSERT(condition, meaning) \
  ((condition) ? static_cast<void>(0) : ::millrace::assertion_failed(#condition, meaning, __FILE__, __LINE__))
