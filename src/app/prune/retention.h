#pragma once
// Which finished runs go: by age, by count, by the bytes of their files. Pure.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "base/value.h"

namespace millrace::app {

// Each bound by itself says which runs go; a run goes if any of them says so. None: no run goes.
struct Retention {
  std::optional<std::int64_t> older_than_seconds;  // since it ended
  std::optional<std::size_t> keep;                 // of the finished runs so many stay, those that ended last
  std::optional<std::uint64_t> max_bytes;          // on the disk, of the finished runs together
  bool any() const { return older_than_seconds || keep || max_bytes; }
};

struct PrunableRun {
  std::string id, name;
  Time finished{};
  std::uint64_t bytes = 0;
};

// `runs`: the one that ended last first. Those that go, in the same order.
std::vector<PrunableRun> runs_to_prune(const std::vector<PrunableRun>& runs, const Retention& retention, Time now);

// "30d", "12h", "45m", "90s", "2w", or a plain number of seconds. Error: one sentence with an example.
Result<std::int64_t> parse_age(std::string_view text);

// {"older_than_seconds", "keep", "max_bytes"}, each optional, and back.
Result<Retention> retention_from(const Value& value);
Value to_value(const Retention& retention);

}  // namespace millrace::app
