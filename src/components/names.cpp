#include "components/names.h"

#include <algorithm>

#include "base/ids.h"

namespace millrace::components {
namespace {

constexpr std::size_t kLongestName = 63;
constexpr std::size_t kRandomCharacters = 4;
constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

}  // namespace

std::string generated_name(std::string_view prefix, const Clock& clock) {
  std::string name(prefix);
  if (!prefix.empty()) name += '-';
  const std::string date = format_amz_date(clock.now());  // 20260102T030405Z
  name += date.substr(0, 8) + date.substr(9, 6) + '-' + random_string(kRandomCharacters, kAlphabet);
  return name.substr(name.size() - std::min(name.size(), kLongestName));
}

}  // namespace millrace::components
