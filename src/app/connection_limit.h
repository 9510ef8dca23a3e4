#pragma once
// How many connections the server takes, by how many descriptors it may have.

#include <cstddef>
#include <cstdint>

namespace millrace::app {

constexpr std::uint64_t kMostDescriptors = 65'536;  // asked of the system; the hard limit may be less
constexpr std::size_t kMostConnections = 4'096;
constexpr std::size_t kFewestConnections = 8;
// Kept for the work itself: the database, objects and logs being read and written, children's pipes.
constexpr std::uint64_t kReservedDescriptors = 512;

// Where there are few descriptors, three quarters of them are for the work.
constexpr std::size_t connections_for(std::uint64_t descriptors) {
  const std::uint64_t three_quarters = descriptors - descriptors / 4;
  const std::uint64_t reserved = three_quarters < kReservedDescriptors ? three_quarters : kReservedDescriptors;
  const std::uint64_t left = descriptors - reserved;
  if (left > kMostConnections) return kMostConnections;
  return left < kFewestConnections ? kFewestConnections : static_cast<std::size_t>(left);
}
static_assert(connections_for(64) == 16);
static_assert(connections_for(1'024) == 512);
static_assert(connections_for(kMostDescriptors) == kMostConnections);

}  // namespace millrace::app
