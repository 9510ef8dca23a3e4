#include "iam/policy/conditions.h"

#include <arpa/inet.h>

#include <array>
#include <functional>
#include <optional>

#include "base/strings.h"
#include "base/time.h"
#include "iam/policy/arn.h"

namespace millrace::iam::policy {
namespace {

// Literal characters that came out of a variable are carried through patterns behind this byte, which no policy holds.
constexpr char kLiteral = '\x01';

using Compare = std::function<bool(const std::string& wanted, const std::string& actual)>;

std::optional<Time> as_date(const std::string& text) {
  if (const auto seconds = parse_double(text)) return from_epoch_ms(static_cast<std::int64_t>(*seconds * 1000));
  if (text.size() == 10) {
    if (const auto time = parse_rfc3339(text + "T00:00:00Z")) return *time;
  }
  if (const auto time = parse_rfc3339(text)) return *time;
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
  bool negated = false;  // the comparison is the positive one; the outcome is turned around
  bool pattern = false;  // values may hold wildcards: what variables bring in is literal
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
        {"StringEquals", false, false, equals},
        {"StringNotEquals", true, false, equals},
        {"StringEqualsIgnoreCase", false, false, equals_ci},
        {"StringNotEqualsIgnoreCase", true, false, equals_ci},
        {"StringLike", false, true, like},
        {"StringNotLike", true, true, like},
        {"NumericEquals", false, false, numeric(eq)},
        {"NumericNotEquals", true, false, numeric(eq)},
        {"NumericLessThan", false, false, numeric(lt)},
        {"NumericLessThanEquals", false, false, numeric(le)},
        {"NumericGreaterThan", false, false, numeric(gt)},
        {"NumericGreaterThanEquals", false, false, numeric(ge)},
        {"DateEquals", false, false, dated(eq)},
        {"DateNotEquals", true, false, dated(eq)},
        {"DateLessThan", false, false, dated(lt)},
        {"DateLessThanEquals", false, false, dated(le)},
        {"DateGreaterThan", false, false, dated(gt)},
        {"DateGreaterThanEquals", false, false, dated(ge)},
        {"Bool", false, false, equals_ci},
        {"BinaryEquals", false, false, equals},
        {"IpAddress", false, false, in_range},
        {"NotIpAddress", true, false, in_range},
        {"ArnEquals", false, true, arn},
        {"ArnLike", false, true, arn},
        {"ArnNotEquals", true, true, arn},
        {"ArnNotLike", true, true, arn},
        {"Null", false, false, equals},
    };
  }();
  return table;
}

const Operator* find_operator(std::string_view name) {
  for (const Operator& candidate : operators()) {
    if (candidate.name == name) return &candidate;
  }
  return nullptr;
}

bool condition_holds(const Condition& condition, const Context& context, bool variables) {
  const auto found = context.find(condition.key);
  const bool present = found != context.end() && !found->second.empty();
  if (condition.operator_name == "Null") {
    for (const std::string& value : condition.values) {
      if (equals_ignore_case(value, "true") == !present) return true;
    }
    return false;
  }
  const Operator* op = find_operator(condition.operator_name);
  if (op == nullptr) return false;
  if (!present) {
    if (condition.if_exists) return true;
    // ForAllValues holds for no values; a negated operator holds for an absent key; ForAnyValue needs one.
    if (condition.qualifier == Condition::Qualifier::for_all_values) return true;
    if (condition.qualifier == Condition::Qualifier::for_any_value) return false;
    return op->negated;
  }
  std::vector<std::string> wanted;
  for (const std::string& value : condition.values) {
    std::string expanded;
    if (!variables)
      expanded = value;
    else if (!expand_variables(value, context, op->pattern, expanded))
      continue;
    wanted.push_back(std::move(expanded));
  }
  const auto matches_any = [&](const std::string& actual) {
    for (const std::string& value : wanted) {
      if (op->compare(value, actual)) return true;
    }
    return false;
  };
  switch (condition.qualifier) {
    case Condition::Qualifier::for_all_values:
      for (const std::string& actual : found->second) {
        if (matches_any(actual) == op->negated) return false;
      }
      return true;
    case Condition::Qualifier::for_any_value:
    case Condition::Qualifier::none:
      for (const std::string& actual : found->second) {
        if (matches_any(actual) != op->negated) return true;
      }
      return false;
  }
  return false;
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

bool is_condition_operator(std::string_view name) { return find_operator(name) != nullptr; }

bool expand_variables(std::string_view text, const Context& context, bool patterns, std::string& out) {
  out.clear();
  const auto append_literal = [&](std::string_view value) {
    for (const char c : value) {
      if (patterns && (c == '*' || c == '?')) out += kLiteral;
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

bool conditions_hold(const std::vector<Condition>& conditions, const Context& context, bool variables) {
  for (const Condition& condition : conditions) {
    if (!condition_holds(condition, context, variables)) return false;
  }
  return true;
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
