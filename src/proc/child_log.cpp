#include "proc/child_log.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <vector>

#include <fmt/core.h>

#include "base/file.h"
#include "base/strings.h"

namespace millrace::proc {
namespace {

constexpr std::string_view kBegin = "\n[millrace: ", kBetween = " bytes (",
                           kEnd = " lines) of this log are cut out here";
constexpr std::uint64_t kCounted =
    64u << 20;  // bytes of a cut whose lines are counted; those of the rest are estimated
constexpr std::size_t kChunk = 1u << 20;
constexpr int kTries = 8;        // of a reading while cuts are made
constexpr int kZeroChunks = 16;  // looked at in one call
constexpr int kLockTries = 1000;

Error log_error(const char* what) { return system_error(what, errno); }

std::optional<LogCut> cut_of(int fd) {
  char line[kCutLine];
  const ssize_t n = ::pread(fd, line, sizeof line, static_cast<off_t>(kLogHead));
  if (n != static_cast<ssize_t>(sizeof line)) return std::nullopt;
  return parse_cut_line({line, sizeof line});
}

// Where the byte at `at` (from kLogHead on) was written.
std::uint64_t written_at(std::uint64_t at, const std::optional<LogCut>& cut) {
  return cut ? at - kCutLine + cut->bytes : at;
}

// Counts the lines that are not empty, over bytes that come in parts.
class LineCount {
 public:
  void add(const char* bytes, std::size_t size) {
    if (size == 0) return;
    lines_ += static_cast<std::uint64_t>((bytes[0] == '\n') & (last_ != '\n'));
    for (std::size_t i = 1; i < size; ++i)
      lines_ += static_cast<std::uint64_t>((bytes[i] == '\n') & (bytes[i - 1] != '\n'));
    last_ = bytes[size - 1];
    bytes_ += size;
  }
  // Of `size` bytes that are not looked at: as many as in those that were.
  void estimate(std::uint64_t size) {
    if (bytes_ > 0)
      lines_ += static_cast<std::uint64_t>(static_cast<double>(lines_) * static_cast<double>(size) /
                                           static_cast<double>(bytes_));
    last_ = 'x';
  }
  std::uint64_t lines() const { return lines_; }

 private:
  std::uint64_t lines_ = 0, bytes_ = 0;
  char last_ = 'x';  // the line that the head's end belongs to is not empty
};

// Those of [from, until).
void count_lines(int fd, std::uint64_t from, std::uint64_t until, LineCount& count) {
  std::vector<char> buffer(kChunk);
  std::uint64_t counted = 0;
  while (from < until && counted < kCounted) {
    const off_t data = ::lseek(fd, static_cast<off_t>(from), SEEK_DATA);
    if (data < 0 || static_cast<std::uint64_t>(data) >= until) break;
    from = static_cast<std::uint64_t>(data);
    const ssize_t n =
        ::pread(fd, buffer.data(), std::min<std::uint64_t>(buffer.size(), until - from), static_cast<off_t>(from));
    if (n <= 0) break;
    count.add(buffer.data(), static_cast<std::size_t>(n));
    from += static_cast<std::uint64_t>(n);
    counted += static_cast<std::uint64_t>(n);
  }
  if (counted >= kCounted && from < until) count.estimate(until - from);
}

// The first cut hides the rest of one line and the beginning of another, which both stay as lines of their own.
LogCut cut_until(std::uint64_t kept, std::uint64_t lines, const std::optional<LogCut>& before) {
  return {written_at(kept, before) - kLogHead,
          before ? before->lines + lines : lines - std::min<std::uint64_t>(lines, 1)};
}

bool write_at(int fd, std::string_view bytes, std::uint64_t at) {
  while (!bytes.empty()) {
    const ssize_t n = ::pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(at));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(n));
    at += static_cast<std::uint64_t>(n);
  }
  return true;
}

// The file's end as it is when this returns: `from`, where it begins, moves on while the file grows, so that about
// `tail` bytes are kept; the lines that are left behind are counted. A writer that is faster than this is cut off in
// its midst.
Result<std::string> read_end(int fd, std::uint64_t& from, std::uint64_t tail, LineCount& count) {
  constexpr int kRounds = 16;
  std::string end;
  for (int round = 0; round < kRounds; ++round) {
    struct stat info{};
    if (::fstat(fd, &info) != 0) return fail(log_error("cannot look at a log"));
    const std::uint64_t behind = static_cast<std::uint64_t>(info.st_size) -
                                 std::min<std::uint64_t>(from + tail, static_cast<std::uint64_t>(info.st_size));
    if (behind > tail) {  // far behind: all but its end is passed over
      count.estimate(behind);
      from += behind;
      end.clear();
    }
    while (end.size() <= 2 * tail) {
      const std::size_t had = end.size();
      end.resize(had + kChunk);
      const ssize_t n = ::pread(fd, end.data() + had, kChunk, static_cast<off_t>(from + had));
      if (n < 0) return fail(log_error("cannot read a log"));
      end.resize(had + static_cast<std::size_t>(n));
      if (n == 0) return end;
    }
    const std::size_t left = end.size() - tail;
    count.add(end.data(), left);
    end.erase(0, left);
    from += left;
  }
  return end;
}

// `bytes` as text: NULs are no text, and a hole is read as them.
void remove_nuls(std::string& bytes) { std::erase(bytes, '\0'); }

// The size of a log that is not being cut. While it is, its end is not yet there again, or only a part of it.
std::optional<std::uint64_t> whole_size(int fd) {
  if (::flock(fd, LOCK_SH | LOCK_NB) != 0) return std::nullopt;
  struct stat info{};
  const bool is_known = ::fstat(fd, &info) == 0;
  (void)::flock(fd, LOCK_UN);
  return is_known ? std::optional(static_cast<std::uint64_t>(info.st_size)) : std::nullopt;
}

// A log that is shorter than its head is never cut.
bool is_end(int fd, std::uint64_t at) {
  if (at < kLogHead) return true;
  const auto size = whole_size(fd);
  return size && *size <= at;
}

// Says to readers that the file is being cut. They hold the lock for as long as a look at the size takes; whoever holds
// it longer, as a child may, is not waited for.
void lock_for_cut(int fd) {
  for (int i = 0; i < kLockTries && ::flock(fd, LOCK_EX | LOCK_NB) != 0; ++i) ::sched_yield();
}

// One attempt, good only if no cut was made meanwhile.
Result<LogPart> read_once(int fd, std::uint64_t offset, std::size_t max_bytes, const std::optional<LogCut>& cut) {
  LogPart part;
  part.next = offset;
  if (offset >= kLogHead && cut && offset < kLogHead + cut->bytes) {
    part.text = cut_line(*cut);
    part.cut = cut;
    part.next = kLogHead + cut->bytes;
    return part;
  }
  std::uint64_t at = offset >= kLogHead && cut ? offset - cut->bytes + kCutLine : offset;
  for (int chunk = 0; chunk < kZeroChunks && part.text.empty(); ++chunk) {
    std::size_t most = max_bytes;
    if (at < kLogHead) most = std::min<std::uint64_t>(most, kLogHead - at);  // behind it there may be the line
    part.text.resize(most);
    const ssize_t n = ::pread(fd, part.text.data(), most, static_cast<off_t>(at));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail(log_error("cannot read a log"));
    part.text.resize(static_cast<std::size_t>(n));
    part.at_end = static_cast<std::size_t>(n) < most && is_end(fd, at + static_cast<std::uint64_t>(n));
    if (n == 0) return part;
    at += static_cast<std::uint64_t>(n);
    part.next += static_cast<std::uint64_t>(n);
    remove_nuls(part.text);
    if (!part.text.empty()) return part;
    // Nothing but NULs: perhaps a hole, which may be long.
    struct stat info{};
    if (::fstat(fd, &info) != 0) return fail(log_error("cannot read a log"));
    off_t data = ::lseek(fd, static_cast<off_t>(at), SEEK_DATA);
    if (data < 0)
      data = errno == ENXIO ? std::max<off_t>(info.st_size, static_cast<off_t>(at)) : static_cast<off_t>(at);
    const auto beyond = static_cast<std::uint64_t>(data) - at;
    const bool crosses = at < kLogHead && at + beyond > kLogHead;
    const std::uint64_t skipped = crosses ? kLogHead - at : beyond;
    at += skipped;
    part.next += skipped;
    if (crosses) return part;
  }
  return part;
}

}  // namespace

std::string cut_line(const LogCut& cut) {
  std::string line =
      fmt::format("{}{}{}{}{}: a log keeps its beginning and its end", kBegin, cut.bytes, kBetween, cut.lines, kEnd);
  line.resize(kCutLine - 2, ' ');
  return line + "]\n";
}

std::optional<LogCut> parse_cut_line(std::string_view text) {
  if (text.size() < kCutLine || !text.starts_with(kBegin) || text.substr(kCutLine - 2, 2) != "]\n") return std::nullopt;
  text.remove_prefix(kBegin.size());
  const std::size_t between = text.find(kBetween), end = text.find(kEnd);
  if (between == std::string_view::npos || end == std::string_view::npos || end < between + kBetween.size())
    return std::nullopt;
  const auto bytes = parse_int(text.substr(0, between));
  const auto lines = parse_int(text.substr(between + kBetween.size(), end - between - kBetween.size()));
  constexpr std::int64_t kMost = std::int64_t{1} << 62;
  if (!bytes || !lines || *bytes < static_cast<std::int64_t>(kCutLine) || *bytes > kMost || *lines < 0)
    return std::nullopt;
  return LogCut{static_cast<std::uint64_t>(*bytes), static_cast<std::uint64_t>(*lines)};
}

Status cut_log(int fd, std::uint64_t limit) {
  limit = std::max(limit, kLeastChildLogLimit);
  struct stat info{};
  if (::fstat(fd, &info) != 0) return fail(log_error("cannot look at a log"));
  const auto size = static_cast<std::uint64_t>(info.st_size);
  if (size <= limit) return {};
  const auto before = cut_of(fd);
  // Each half of a limit at most: head and twice the tail stay below it.
  const std::uint64_t tail = std::min((limit - kLogHead) / 2 - kChunk / 2, kLogTail);
  std::uint64_t kept = size - tail;
  LineCount count;
  count_lines(fd, kLogHead + (before ? kCutLine : 0), kept, count);
  lock_for_cut(fd);
  const auto end = read_end(fd, kept, tail, count);
  Status done;
  if (!end) {
    done = fail(end.error());
  } else if (::ftruncate(fd, static_cast<off_t>(kLogHead)) != 0) {
    done = fail(log_error("cannot cut a log"));
  } else if (!write_at(fd, cut_line(cut_until(kept, count.lines(), before)) + *end, kLogHead)) {
    done = fail(log_error("cannot write to a log that was cut"));
  }
  (void)::flock(fd, LOCK_UN);
  return done;
}

std::optional<std::uint64_t> log_end(int fd) {
  for (int i = 0; i < kTries; ++i) {
    const auto cut = cut_of(fd);
    const auto size = whole_size(fd);
    if (!size) return std::nullopt;
    if (cut_of(fd) == cut) return *size < kLogHead ? *size : written_at(*size, cut);
  }
  return std::nullopt;
}

Result<LogPart> read_log(int fd, std::uint64_t offset, std::size_t max_bytes) {
  max_bytes = std::max<std::size_t>(max_bytes, 1);
  Result<LogPart> part = LogPart{};
  for (int i = 0; i < kTries; ++i) {
    const auto cut = cut_of(fd);
    part = read_once(fd, offset, max_bytes, cut);
    if (!part || cut_of(fd) == cut) return part;
  }
  // It is cut faster than it can be read: nothing for now, and the next call goes on at the same place.
  return LogPart{{}, offset, false, std::nullopt};
}

}  // namespace millrace::proc
