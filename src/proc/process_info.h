#pragma once
// What the kernel says about a process: enough to know one again after its pid may have been reused.

#include <cstdint>
#include <optional>
#include <string>

namespace millrace::proc {

// Clock ticks since boot at which `pid` started (proc(5), /proc/<pid>/stat, field 22). nullopt: no such process, or
// only its zombie is left.
std::optional<std::uint64_t> start_ticks(std::int64_t pid);
// That clock now. Allocates nothing: called after vfork.
std::uint64_t ticks_now() noexcept;
// Has the process a handler of its own for this signal (proc(5), SigCgt)? false: it cannot be read.
bool catches(std::int64_t pid, int signal);
// Has a signal stopped it (proc(5), State)? false: it cannot be read.
bool is_stopped(std::int64_t pid);
// Is it the first process of a process namespace of its own (proc(5), NSpid)?
bool is_first_of_namespace(std::int64_t pid);
std::string boot_id();  // changes with every start of the machine; empty when the kernel does not say

}  // namespace millrace::proc
