#include "app/cli/file_names.h"

#include <fmt/core.h>

#include "base/hash.h"
#include "base/strings.h"
#include "base/terminal_text.h"

namespace millrace::app {
namespace {

constexpr std::size_t kDigest = 16;  // characters of a cut name's digest

bool continues(char byte) { return (static_cast<unsigned char>(byte) & 0xC0) == 0x80; }

}  // namespace

std::string safe_file_name(std::string_view name) {
  std::string safe = terminal_line(name);
  for (char& c : safe) {
    if (c == '/' || c == '\\' || c == '\0') c = '_';
  }
  if (safe.empty() || safe.front() == '.' || safe.front() == '-' || safe.front() == ' ') safe.insert(0, "_");
  if (safe.size() <= kMaxFileName) return safe;
  std::size_t end = kMaxFileName - kDigest - 1;
  while (end > 0 && continues(safe[end])) --end;
  return safe.substr(0, end) + "-" + sha256_hex(std::string(name)).substr(0, kDigest);
}

std::string FileNames::path(const std::string& directory, const std::string& name) {
  const auto [place, is_new] = given_.try_emplace({directory, name});
  if (!is_new) return place->second;
  const std::string safe = safe_file_name(name);
  // What would be too deep lies at the root, under a name of its own.
  const bool fits = directory.size() + 1 + safe.size() <= kMaxFilePath;
  const std::string above = directory.empty() || !fits ? "" : directory + "/";
  const std::string base = fits ? safe : "deep-" + sha256_hex(directory + "/" + std::string(name)).substr(0, kDigest);
  std::string path = above + base;
  for (int n = 2; !taken_.insert(path).second; ++n) path = fmt::format("{}{}~{}", above, base, n);
  return place->second = path;
}

}  // namespace millrace::app
