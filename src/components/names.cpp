#include "components/names.h"

#include <algorithm>

#include "base/ids.h"

namespace millrace::components {
namespace {

constexpr std::size_t kLongestName = 63;
constexpr std::size_t kRandomCharacters = 4;
constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

constexpr std::size_t kLongestResourceName = 32;
constexpr std::string_view kSmallAlphabet = "abcdefghijklmnopqrstuvwxyz0123456789";

std::string name_of(std::string_view prefix, const Clock& clock, std::string_view alphabet, std::size_t longest) {
  std::string name(prefix);
  if (!prefix.empty()) name += '-';
  const std::string date = format_amz_date(clock.now());  // 20260102T030405Z
  name += date.substr(0, 8) + date.substr(9, 6) + '-' + random_string(kRandomCharacters, alphabet);
  return name.substr(name.size() - std::min(name.size(), longest));
}

}  // namespace

std::string generated_name(std::string_view prefix, const Clock& clock) {
  return name_of(prefix, clock, kAlphabet, kLongestName);
}

std::string generated_resource_name(std::string_view prefix, const Clock& clock) {
  return name_of(prefix, clock, kSmallAlphabet, kLongestResourceName);
}

}  // namespace millrace::components
