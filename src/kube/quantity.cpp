#include "kube/quantity.h"

#include <array>
#include <cstdint>
#include <limits>
#include <optional>

#include <fmt/core.h>

namespace millrace::kube {
namespace {

constexpr std::size_t kMaxDigits = 18;  // so that the number fits 64 bits
constexpr std::array<std::string_view, 7> kBinary = {"", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"};
constexpr std::array<std::string_view, 10> kDecimal = {"n", "u", "m", "", "k", "M", "G", "T", "P", "E"};
constexpr int kSmallestExponent = -9;  // of kDecimal's first

// digits · 10^exponent · 1024^binary
struct Number {
  std::uint64_t digits = 0;
  int exponent = 0;
  std::size_t binary = 0;  // 0: it is decimal
};

bool scale(std::uint64_t& value, std::uint64_t by) {
  if (value > std::numeric_limits<std::uint64_t>::max() / by) return false;
  value *= by;
  return true;
}

template <std::size_t N>
std::optional<std::size_t> index_of(const std::array<std::string_view, N>& suffixes, std::string_view suffix) {
  for (std::size_t i = 0; i < N; ++i) {
    if (suffixes[i] == suffix) return i;
  }
  return std::nullopt;
}

std::optional<Number> parse(std::string_view text) {
  const auto end = text.find_first_not_of("0123456789.");
  const std::string_view digits = text.substr(0, end), suffix = end == text.npos ? "" : text.substr(end);
  Number number;
  std::size_t count = 0;
  bool fraction = false;
  for (const char c : digits) {
    if (c == '.' && fraction) return std::nullopt;
    if (c == '.') {
      fraction = true;
      continue;
    }
    if (++count > kMaxDigits) return std::nullopt;
    number.digits = number.digits * 10 + static_cast<std::uint64_t>(c - '0');
    if (fraction) --number.exponent;
  }
  if (count == 0) return std::nullopt;
  if (const auto decimal = index_of(kDecimal, suffix)) {
    number.exponent += kSmallestExponent + 3 * static_cast<int>(*decimal);
    return number;
  }
  const auto binary = index_of(kBinary, suffix);
  if (!binary) return std::nullopt;
  number.binary = *binary;
  return number;
}

std::optional<std::string> decimal_form(std::uint64_t digits, int exponent) {
  if (digits == 0) return "0";
  for (; digits % 10 == 0; ++exponent) digits /= 10;
  while (exponent < kSmallestExponent) {  // nothing is smaller than a billionth: it is rounded up
    digits = digits / 10 + (digits % 10 != 0 ? 1 : 0);
    ++exponent;
  }
  for (; exponent % 3 != 0; --exponent) {
    if (!scale(digits, 10)) return std::nullopt;
  }
  const auto suffix = static_cast<std::size_t>((exponent - kSmallestExponent) / 3);
  if (suffix >= kDecimal.size()) return std::nullopt;
  return fmt::format("{}{}", digits, kDecimal[suffix]);
}

// Bytes: whole ones, rounded up; below 1024 in decimal.
std::optional<std::string> binary_form(Number number) {
  for (std::size_t i = 0; i < number.binary; ++i) {
    if (!scale(number.digits, 1024)) return std::nullopt;
  }
  for (; number.exponent < 0; ++number.exponent) number.digits = number.digits / 10 + (number.digits % 10 != 0 ? 1 : 0);
  if (number.digits < 1024) return decimal_form(number.digits, 0);
  std::size_t suffix = 0;
  for (; number.digits % 1024 == 0 && suffix + 1 < kBinary.size(); ++suffix) number.digits /= 1024;
  return fmt::format("{}{}", number.digits, kBinary[suffix]);
}

}  // namespace

std::string canonical_quantity(std::string_view text) {
  const auto number = parse(text);
  if (!number) return std::string(text);
  const auto form = number->binary == 0 ? decimal_form(number->digits, number->exponent) : binary_form(*number);
  return form.value_or(std::string(text));
}

}  // namespace millrace::kube
