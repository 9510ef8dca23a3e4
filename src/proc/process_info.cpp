#include "proc/process_info.h"

#include <cstdlib>
#include <cstring>

#include <fmt/core.h>

#include "base/file.h"
#include "base/strings.h"
#include "proc/launcher.h"

namespace millrace::proc {

std::uint64_t parse_start_ticks(const char* text, std::size_t size, char& state) noexcept {
  // The second field is the program's name in parentheses and may itself hold blanks and parentheses.
  const void* found = ::memrchr(text, ')', size);
  if (found == nullptr) return 0;
  const char* at = static_cast<const char*>(found) + 1;
  const char* end = text + size;
  int field = 2;
  while (at < end && field < 22) {
    if (*at == ' ') {
      ++field;
      if (field == 3 && at + 1 < end) state = at[1];
    }
    ++at;
  }
  std::uint64_t ticks = 0;
  for (; at < end && *at >= '0' && *at <= '9'; ++at) ticks = ticks * 10 + static_cast<std::uint64_t>(*at - '0');
  return ticks;
}

std::optional<std::uint64_t> start_ticks(std::int64_t pid) {
  const auto text = read_file(fmt::format("/proc/{}/stat", pid), 4096);
  if (!text) return std::nullopt;
  char state = '?';
  const std::uint64_t ticks = parse_start_ticks(text->data(), text->size(), state);
  if (ticks == 0 || state == 'Z' || state == 'X') return std::nullopt;
  return ticks;
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
