#pragma once
// How many files this process may have open (RLIMIT_NOFILE).

#include <cstdint>

namespace millrace {

// The limit in force.
std::uint64_t descriptor_limit();
// Raises it to the hard limit, or to `most` where that is less; never lowers it. Returns what is in force now. The
// first call notes what it was before.
std::uint64_t raise_descriptor_limit(std::uint64_t most);
// What it was before it was raised: what children are given, as programs with select(2) fail beyond 1,024 descriptors,
// and some close every possible one at their start.
std::uint64_t original_descriptor_limit();

}  // namespace millrace
