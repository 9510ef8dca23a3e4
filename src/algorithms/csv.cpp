#include "algorithms/csv.h"

#include <bit>
#include <charconv>
#include <cmath>
#include <cstdint>

namespace millrace::algorithms {
namespace {

constexpr std::size_t kMaxColumns = 1u << 20;

constexpr double kPowers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                              1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

// The common case, digits with an optional point and at most 15 of them: digits / 10^n is one correctly rounded
// division of two exact doubles. Rounding that to float is exact unless the double stands right between two floats.
// Null: take the slow way.
const char* read_simple(const char* at, const char* end, float& out) {
  const bool negative = at != end && *at == '-';
  if (negative) ++at;
  std::uint64_t digits = 0;
  const char* first = at;
  while (at != end && static_cast<unsigned char>(*at - '0') < 10)
    digits = digits * 10 + static_cast<unsigned>(*at++ - '0');
  std::ptrdiff_t count = at - first;
  std::ptrdiff_t fraction = 0;
  if (at != end && *at == '.') {
    const char* point = at++;
    while (at != end && static_cast<unsigned char>(*at - '0') < 10) {
      digits = digits * 10 + static_cast<unsigned>(*at++ - '0');
    }
    fraction = at - point - 1;
    count += fraction;
  }
  if (count == 0 || count > 15) return nullptr;
  if (at != end && (*at == 'e' || *at == 'E')) return nullptr;
  double value = static_cast<double>(digits);
  if (fraction != 0) value /= kPowers[fraction];
  if ((std::bit_cast<std::uint64_t>(value) & 0x1fffffff) == 0x10000000) return nullptr;
  out = static_cast<float>(negative ? -value : value);
  return at;
}

const char* read_number(const char* at, const char* end, float& out) {
  if (const char* after = read_simple(at, end, out)) return after;
  if (at != end && *at == '+') ++at;
  const auto [after, error] = std::from_chars(at, end, out);
  if (error == std::errc::result_out_of_range) {  // too small becomes 0, as Python reads it; too large is an error
    double wide = 0;
    const auto again = std::from_chars(at, end, wide);
    if (again.ec != std::errc() || std::abs(wide) >= 1) return nullptr;
    out = static_cast<float>(wide);
    return again.ptr;
  }
  return error == std::errc() && std::isfinite(out) ? after : nullptr;
}

const char* skip_blanks(const char* at, const char* end) {
  while (at != end && (*at == ' ' || *at == '\t')) ++at;
  return at;
}

tl::unexpected<Error> wrong(std::size_t line, std::size_t column, std::string_view what) {
  return fail(Code::invalid_argument,
              "line " + std::to_string(line) + ", column " + std::to_string(column) + ": " + std::string(what));
}

std::string shown(const char* at, const char* end) {
  std::string cell;
  for (; at != end && *at != ',' && *at != '\n' && *at != '\r' && cell.size() < 20; ++at) {
    cell.push_back(*at >= ' ' && *at < 127 ? *at : '?');
  }
  return cell;
}

}  // namespace

Result<CsvTable> read_csv(std::string_view text, std::size_t columns) {
  CsvTable table;
  table.columns = columns;
  const char* at = text.data();
  const char* const end = at + text.size();
  if (text.substr(0, 3) == "\xef\xbb\xbf") at += 3;  // a byte order mark
  std::size_t line = 0;
  while (at != end) {
    ++line;
    at = skip_blanks(at, end);
    if (at != end && *at == '\r') ++at;
    if (at == end) break;
    if (*at == '\n') {
      ++at;
      continue;
    }
    std::size_t column = 0;
    for (;;) {
      ++column;
      if (column > kMaxColumns) return wrong(line, column, "there are more columns than this program takes");
      at = skip_blanks(at, end);
      float value = 0;
      const char* after = read_number(at, end, value);
      if (after == nullptr) {
        const std::string cell = shown(at, end);
        return wrong(line, column, cell.empty() ? "a number is missing" : "\"" + cell + "\" is not a finite number");
      }
      const char* next = skip_blanks(after, end);
      const bool more = next != end && *next == ',';
      if (!more) {
        if (next != end && *next == '\r') ++next;
        if (next != end && *next != '\n')
          return wrong(line, column, "\"" + shown(at, end) + "\" is not a finite number");
      }
      table.values.push_back(value);
      at = next == end ? end : next + 1;
      if (!more) break;
      if (next + 1 == end) return wrong(line, column + 1, "a number is missing");
    }
    if (table.columns == 0) table.columns = column;
    if (column != table.columns) {
      return wrong(line, column,
                   "the line has " + std::to_string(column) + " columns where " + std::to_string(table.columns) +
                       " are expected");
    }
  }
  return table;
}

void append_float(std::string& out, float value) {
  char text[64];
  auto [end, error] = std::to_chars(text, text + sizeof text - 2, value);
  bool whole = true;
  for (const char* at = text; at != end; ++at) whole = whole && (*at == '-' || (*at >= '0' && *at <= '9'));
  if (whole) {
    *end++ = '.';
    *end++ = '0';
  }
  out.append(text, end);
}

}  // namespace millrace::algorithms
