#include "iam/access_key_id.h"

#include <fmt/core.h>

#include "base/hash.h"
#include "base/ids.h"
#include "base/strings.h"

namespace millrace::iam {
namespace {

constexpr std::string_view kKeyLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

}  // namespace

// The first 48 bits of the letters: a one, 40 bits of the account, 7 bits of chance.
std::string new_access_key_id(std::string_view prefix, std::string_view account) {
  std::string letters = random_string(16, kKeyLetters);
  const std::uint64_t chance = random_u64();
  const std::uint64_t head =
      1ull << 47 | static_cast<std::uint64_t>(parse_int(account).value_or(0)) << 7 | (chance & 0x7f);
  for (std::size_t i = 0; i < 9; ++i) letters[i] = kKeyLetters[head >> (43 - 5 * i) & 0x1f];
  letters[9] = kKeyLetters[(head & 0x7) << 2 | (chance >> 7 & 0x3)];
  return std::string(prefix) + letters;
}

std::string account_of_access_key(std::string_view id) {
  if (id.size() != 20 || (!id.starts_with("AKIA") && !id.starts_with("ASIA"))) return "";
  std::uint64_t head = 0;
  for (const char c : id.substr(4, 10)) {
    const std::size_t value = kKeyLetters.find(c);
    if (value == std::string_view::npos) return "";
    head = head << 5 | value;
  }
  head >>= 2;
  return (head >> 47 & 1) == 0 ? "" : fmt::format("{:012}", head >> 7 & 0xff'ffff'ffff);
}

}  // namespace millrace::iam
