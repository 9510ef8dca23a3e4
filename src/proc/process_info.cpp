#include "proc/process_info.h"

#include <time.h>
#include <unistd.h>

#include <cstdlib>

#include <fmt/core.h>

#include "base/file.h"
#include "base/strings.h"
#include "proc/launcher.h"

namespace millrace::proc {

std::optional<std::uint64_t> start_ticks(std::int64_t pid) {
  const auto text = read_file(fmt::format("/proc/{}/stat", pid), 4096);
  if (!text) return std::nullopt;
  // The second field is the program's name in parentheses and may itself hold blanks and parentheses.
  const std::size_t name_end = text->rfind(')');
  if (name_end == std::string::npos) return std::nullopt;
  const auto fields = split(std::string_view(*text).substr(name_end + 1), ' ');  // the first is empty, then field 3
  if (fields.size() < 21) return std::nullopt;
  const std::string_view state = fields[1];
  const auto ticks = parse_int(fields[20]);
  if (!ticks || *ticks <= 0 || state == "Z" || state == "X") return std::nullopt;
  return static_cast<std::uint64_t>(*ticks);
}

std::uint64_t ticks_now() noexcept {
  // proc(5) counts in these whatever the kernel's own clock is.
  static const auto nanoseconds = static_cast<std::uint64_t>(1'000'000'000 / ::sysconf(_SC_CLK_TCK));
  struct timespec now{};
  ::clock_gettime(CLOCK_BOOTTIME, &now);
  return (static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<std::uint64_t>(now.tv_nsec)) /
         nanoseconds;
}

namespace {

// The rest of the line of /proc/<pid>/status that begins so; empty: there is none.
std::string status_line(std::int64_t pid, std::string_view name) {
  const auto text = read_file(fmt::format("/proc/{}/status", pid), 16'384);
  if (!text) return {};
  const std::size_t at = text->find(fmt::format("\n{}:", name));
  if (at == std::string::npos) return {};
  const std::size_t begin = at + name.size() + 2;
  return std::string(trim(std::string_view(*text).substr(begin, text->find('\n', begin) - begin)));
}

}  // namespace

bool catches(std::int64_t pid, int signal) {
  const std::string mask = status_line(pid, "SigCgt");
  return !mask.empty() && (std::strtoull(mask.c_str(), nullptr, 16) >> (signal - 1) & 1) != 0;
}

bool is_stopped(std::int64_t pid) { return status_line(pid, "State").starts_with('T'); }

bool is_first_of_namespace(std::int64_t pid) {
  const std::string numbers = status_line(pid, "NSpid");
  const std::size_t last = numbers.find_last_of(" \t");
  return last != std::string::npos && numbers.substr(last + 1) == "1";
}

std::string boot_id() {
  const auto text = read_file("/proc/sys/kernel/random/boot_id", 64);
  return text ? std::string(trim(*text)) : std::string();
}

}  // namespace millrace::proc
