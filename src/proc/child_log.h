#pragma once
// The file that a child's output is appended to, kept below a limit by cutting its middle away while the child goes on
// writing: its first kLogHead bytes stay, then comes a line that says how much is missing, then its last part.
//
//   [first kLogHead bytes]"\n[millrace: 123 bytes (4 lines) of this log are cut out here: …]\n"[last part]
//
// The child has the file open with O_APPEND, so it writes on at the new end. A cut reads the end of the file, truncates
// the file to its head and writes line and end behind that: what is dropped never reaches the disk. (Taking the middle
// out by fallocate(2) would have the kernel write all of it first, with the child waiting.) What the child writes
// within the few microseconds before the truncation may be lost uncounted.
//
// Whoever follows a log counts in offsets of the log as it was written, which no cut changes: read_log() finds where a
// byte is now, from the line in the middle. What a child writes there itself misleads only those who read its own log.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace millrace::proc {

inline constexpr std::uint64_t kLogHead = 1u << 20;
inline constexpr std::uint64_t kLogTail = 16u
                                          << 20;  // so much of the end stays at least, or about half of a smaller limit
inline constexpr std::uint64_t kLeastChildLogLimit = 4u << 20;
inline constexpr std::uint64_t kDefaultChildLogLimit = 64u << 20;

struct LogCut {
  std::uint64_t bytes = 0;  // missing
  std::uint64_t lines = 0;  // whole lines, not empty, among them
  friend bool operator==(const LogCut&, const LogCut&) = default;
};
std::string cut_line(const LogCut& cut);  // always kCutLine bytes
inline constexpr std::size_t kCutLine = 160;
std::optional<LogCut> parse_cut_line(std::string_view text);

// Cuts a file that is longer than `limit` (at least kLeastChildLogLimit). `fd`: for reading and writing, without
// O_APPEND.
Status cut_log(int fd, std::uint64_t limit);

struct LogPart {
  std::string text;        // without the NUL bytes of the file, and without its holes
  std::uint64_t next = 0;  // where to go on: past the asked offset, even where text is empty, unless nothing is there
  bool at_end = false;     // nothing follows at present
  std::optional<LogCut> cut = {};  // text is the line that represents what was cut
};
// At most `max_bytes` from `offset` (of the log as it was written). Moves the file's position.
Result<LogPart> read_log(int fd, std::uint64_t offset, std::size_t max_bytes);

// The offset of the log's present end; nullopt while it is being cut.
std::optional<std::uint64_t> log_end(int fd);

}  // namespace millrace::proc
