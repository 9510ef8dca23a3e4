#include "pipelines/schedule/names.h"

#include <fmt/core.h>

#include "base/ids.h"
#include "base/strings.h"

namespace millrace::pipelines::schedule {
namespace {

constexpr std::size_t kMaxStem = 25, kSuffix = 5;

// FNV-1a, 32 bits. Source: RFC 9923.
std::uint32_t fnv1a(std::string_view text) {
  std::uint32_t hash = 2'166'136'261u;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 16'777'619u;
  return hash;
}

}  // namespace

std::string make_resource_name(std::string_view display_name) {
  std::string stem;
  for (const char c : to_lower(display_name)) {
    if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-') stem += c;
  }
  if (stem.empty()) stem = "job-";
  return stem.substr(0, kMaxStem) + random_base36(kSuffix);
}

std::string run_name(std::string_view resource_name, std::int64_t index) {
  const std::string name = fmt::format("{}-{}", resource_name, index);
  return fmt::format("{}-{}", name, fnv1a(name));
}

}  // namespace millrace::pipelines::schedule
