#include "iam/policy/conditions.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <functional>
#include <optional>

#include "base/strings.h"
#include "base/time.h"
#include "iam/policy/arn.h"

namespace millrace::iam::policy {
namespace {

// Literal characters that came out of a variable are carried through patterns behind this byte, which no policy may
// hold (document.cpp) and which is escaped itself where a request's value has it.
constexpr char kLiteral = '\x01';

using Compare = std::function<bool(const std::string& wanted, const std::string& actual)>;

// The W3C profile of ISO 8601 (year and month at least), or seconds since 1970.
std::optional<Time> as_date(const std::string& text) {
  constexpr double kFarthest = 253'402'300'800;  // the year 10000
  if (const auto seconds = parse_double(text)) {
    if (*seconds > kFarthest || *seconds < -kFarthest) return std::nullopt;
    return from_epoch_ms(static_cast<std::int64_t>(*seconds * 1000));
  }
  std::string whole = text;
  if (text.size() == 7)
    whole += "-01T00:00:00Z";
  else if (text.size() == 10)
    whole += "T00:00:00Z";
  else if (text.size() >= 17 && text[10] == 'T' && text[16] != ':')
    whole.insert(16, ":00");  // seconds may be left out
  if (const auto time = parse_rfc3339(whole)) return *time;
  return std::nullopt;
}

struct IpRange {
  std::array<std::uint8_t, 16> bytes{};
  int family = 0;
  int prefix = 0;
};

std::optional<IpRange> as_range(std::string_view text) {
  IpRange range;
  const std::size_t slash = text.find('/');
  const std::string address(text.substr(0, slash));
  if (::inet_pton(AF_INET, address.c_str(), range.bytes.data()) == 1) {
    range.family = AF_INET;
    range.prefix = 32;
  } else if (::inet_pton(AF_INET6, address.c_str(), range.bytes.data()) == 1) {
    range.family = AF_INET6;
    range.prefix = 128;
  } else {
    return std::nullopt;
  }
  if (slash != std::string_view::npos) {
    const auto prefix = parse_int(text.substr(slash + 1));
    if (!prefix || *prefix < 0 || *prefix > range.prefix) return std::nullopt;
    range.prefix = static_cast<int>(*prefix);
  }
  return range;
}

bool in_range(const std::string& wanted, const std::string& actual) {
  const auto range = as_range(wanted), address = as_range(actual);
  if (!range || !address || range->family != address->family) return false;
  for (int bit = 0; bit < range->prefix; ++bit) {
    const auto index = static_cast<std::size_t>(bit / 8);
    const int mask = 0x80 >> (bit % 8);
    if ((range->bytes[index] & mask) != (address->bytes[index] & mask)) return false;
  }
  return true;
}

template <class T, class Parse, class Test>
Compare parsed(Parse parse, Test test) {
  return [parse, test](const std::string& wanted, const std::string& actual) {
    const std::optional<T> w = parse(wanted), a = parse(actual);
    return w && a && test(*a, *w);
  };
}

struct Operator {
  std::string_view name;
  bool negated = false;    // the comparison is the positive one; the outcome is turned around
  bool pattern = false;    // values may hold wildcards: what variables bring in is literal
  bool variables = false;  // policy variables are replaced in its values: the string and the ARN operators
  Compare compare;
};

const std::vector<Operator>& operators() {
  static const std::vector<Operator> table = [] {
    const Compare equals = [](const std::string& w, const std::string& a) { return w == a; };
    const Compare equals_ci = [](const std::string& w, const std::string& a) { return equals_ignore_case(w, a); };
    const Compare like = [](const std::string& w, const std::string& a) { return wildcard_match(w, a, false); };
    const Compare arn = [](const std::string& w, const std::string& a) { return arn_match(w, a); };
    const auto number = [](const std::string& text) { return parse_double(text); };
    const auto date = [](const std::string& text) { return as_date(text); };
    const auto numeric = [&](auto test) { return parsed<double>(number, test); };
    const auto dated = [&](auto test) { return parsed<Time>(date, test); };
    const auto eq = [](const auto& a, const auto& w) { return a == w; };
    const auto lt = [](const auto& a, const auto& w) { return a < w; };
    const auto le = [](const auto& a, const auto& w) { return a <= w; };
    const auto gt = [](const auto& a, const auto& w) { return a > w; };
    const auto ge = [](const auto& a, const auto& w) { return a >= w; };
    return std::vector<Operator>{
        {"StringEquals", false, false, true, equals},
        {"StringNotEquals", true, false, true, equals},
        {"StringEqualsIgnoreCase", false, false, true, equals_ci},
        {"StringNotEqualsIgnoreCase", true, false, true, equals_ci},
        {"StringLike", false, true, true, like},
        {"StringNotLike", true, true, true, like},
        {"NumericEquals", false, false, false, numeric(eq)},
        {"NumericNotEquals", true, false, false, numeric(eq)},
        {"NumericLessThan", false, false, false, numeric(lt)},
        {"NumericLessThanEquals", false, false, false, numeric(le)},
        {"NumericGreaterThan", false, false, false, numeric(gt)},
        {"NumericGreaterThanEquals", false, false, false, numeric(ge)},
        {"DateEquals", false, false, false, dated(eq)},
        {"DateNotEquals", true, false, false, dated(eq)},
        {"DateLessThan", false, false, false, dated(lt)},
        {"DateLessThanEquals", false, false, false, dated(le)},
        {"DateGreaterThan", false, false, false, dated(gt)},
        {"DateGreaterThanEquals", false, false, false, dated(ge)},
        {"Bool", false, false, false, equals_ci},
        {"BinaryEquals", false, false, false, equals},
        {"IpAddress", false, false, false, in_range},
        {"NotIpAddress", true, false, false, in_range},
        {"ArnEquals", false, true, true, arn},
        {"ArnLike", false, true, true, arn},
        {"ArnNotEquals", true, true, true, arn},
        {"ArnNotLike", true, true, true, arn},
        {"Null", false, false, false, equals},
    };
  }();
  return table;
}

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

}  // namespace

bool IgnoreCase::operator()(const std::string& a, const std::string& b) const {
  const std::size_t n = std::min(a.size(), b.size());
  for (std::size_t i = 0; i < n; ++i) {
    const char x = lower(a[i]), y = lower(b[i]);
    if (x != y) return x < y;
  }
  return a.size() < b.size();
}

int condition_operator(std::string_view name) {
  const auto& table = operators();
  for (std::size_t i = 0; i < table.size(); ++i) {
    if (table[i].name == name) return static_cast<int>(i);
  }
  return -1;
}

bool is_condition_operator(std::string_view name) { return condition_operator(name) >= 0; }

bool expand_variables(std::string_view text, const Context& context, bool patterns, std::string& out) {
  out.clear();
  const auto append_literal = [&](std::string_view value) {
    for (const char c : value) {
      if (patterns && (c == '*' || c == '?' || c == kLiteral)) out += kLiteral;
      out += c;
    }
  };
  while (true) {
    const std::size_t start = text.find("${");
    out += text.substr(0, start);
    if (start == std::string_view::npos) return true;
    const std::size_t end = text.find('}', start);
    if (end == std::string_view::npos) {
      out += text.substr(start);
      return true;
    }
    const std::string_view inside = text.substr(start + 2, end - start - 2);
    text.remove_prefix(end + 1);
    if (inside == "*" || inside == "?" || inside == "$") {
      append_literal(inside);
      continue;
    }
    const std::size_t comma = inside.find(',');
    const std::string name(trim(inside.substr(0, comma)));
    const auto found = context.find(name);
    // Only single-valued keys can stand in for a variable.
    if (found != context.end() && found->second.size() == 1) {
      append_literal(found->second.front());
    } else if (comma != std::string_view::npos) {
      std::string_view fallback = trim(inside.substr(comma + 1));
      if (fallback.size() >= 2 && fallback.front() == '\'' && fallback.back() == '\'')
        fallback = fallback.substr(1, fallback.size() - 2);
      append_literal(fallback);
    } else {
      return false;
    }
  }
}

bool condition_holds(const Condition& condition, const Context& context, bool variables, Effect effect) {
  const int place = condition.op >= 0 ? condition.op : condition_operator(condition.operator_name);
  if (place < 0) return false;
  const Operator& op = operators()[static_cast<std::size_t>(place)];
  const auto found = context.find(condition.key);
  const bool present = found != context.end() && !found->second.empty();
  if (op.name == "Null") {
    return std::ranges::any_of(condition.values, [&](const std::string& value) {
      return equals_ignore_case(value, present ? "false" : "true");
    });
  }
  using Qualifier = Condition::Qualifier;
  // For the set operators a key whose values are all empty is a key without values.
  const bool set = condition.qualifier != Qualifier::none;
  const bool some = present && !(set && std::ranges::all_of(found->second, &std::string::empty));
  if (!some) {
    if (!present && condition.if_exists) return true;
    // ForAllValues holds for no values; a negated operator holds for an absent key; ForAnyValue needs one.
    if (set) return condition.qualifier == Qualifier::for_all_values;
    return op.negated;
  }
  bool unfilled = false;
  std::string expanded;
  const auto matches = [&](const std::string& wanted, const std::string& actual) {
    if (!variables || !op.variables || wanted.find("${") == std::string::npos) return op.compare(wanted, actual);
    if (!expand_variables(wanted, context, op.pattern, expanded)) {
      unfilled = true;
      return false;
    }
    return op.compare(expanded, actual);
  };
  const auto holds_for = [&](const std::string& actual) {
    const bool any =
        std::ranges::any_of(condition.values, [&](const std::string& wanted) { return matches(wanted, actual); });
    return any != op.negated && !(op.negated && unfilled && effect == Effect::allow);
  };
  return condition.qualifier == Qualifier::for_all_values ? std::ranges::all_of(found->second, holds_for)
                                                          : std::ranges::any_of(found->second, holds_for);
}

bool conditions_hold(const std::vector<Condition>& conditions, const Context& context, bool variables, Effect effect) {
  return std::ranges::all_of(
      conditions, [&](const Condition& condition) { return condition_holds(condition, context, variables, effect); });
}

bool wildcard_match(std::string_view pattern, std::string_view text, bool ignore_case) {
  const auto same = [&](char a, char b) { return ignore_case ? lower(a) == lower(b) : a == b; };
  std::size_t p = 0, t = 0, star = std::string_view::npos, star_text = 0;
  while (t < text.size()) {
    const bool literal = p + 1 < pattern.size() && pattern[p] == kLiteral;
    const char c = literal ? pattern[p + 1] : p < pattern.size() ? pattern[p] : '\0';
    if (!literal && p < pattern.size() && c == '*') {
      star = ++p;
      star_text = t;
    } else if (p < pattern.size() && ((!literal && c == '?') || same(c, text[t]))) {
      p += literal ? 2 : 1;
      ++t;
    } else if (star != std::string_view::npos) {
      p = star;
      t = ++star_text;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

}  // namespace millrace::iam::policy
