#pragma once
// The policy language a second time, for tests only: straight from the documentation, slow and plain, over the JSON
// value itself. It shares nothing with the evaluator but the parsed Value, so that a misreading has to be made twice to
// pass. It takes documents that parse_document takes.

#include <arpa/inet.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/value.h"

namespace millrace::iam::policy::naive {

struct Caller {
  std::string kind;                  // "user", "root", "assumed_role", "federated_user", "service", "anonymous"
  std::string account, arn, behind;  // behind: the role of a session, the user of a federated session
};
struct Request {
  Caller caller;
  std::string action, resource, resource_account;
  std::map<std::string, std::vector<std::string>> context;
};
struct PolicySet {
  std::vector<Value> identity, resource, boundary, session;
};

inline std::string lowered(std::string text) {
  for (char& c : text) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  return text;
}

inline std::vector<std::string> as_list(const Value& value) {
  std::vector<std::string> out;
  const auto text = [](const Value& item) -> std::string {
    if (item.is_bool()) return item.as_bool() ? "true" : "false";
    if (item.is_integer()) return std::to_string(item.as_int());
    return item.string_or();
  };
  if (value.is_array()) {
    for (const Value& item : value.items()) out.push_back(text(item));
  } else if (!value.is_null()) {
    out.push_back(text(value));
  }
  return out;
}

inline const std::vector<std::string>* context_values(const Request& request, const std::string& key) {
  for (const auto& [name, values] : request.context) {
    if (lowered(name) == lowered(key) && !values.empty()) return &values;
  }
  return nullptr;
}

// A pattern is a list of characters, each either meant as it stands or a wildcard.
struct Sign {
  char c;
  bool wild;
};
using Pattern = std::vector<Sign>;

inline Pattern pattern_of(const std::string& text) {
  Pattern out;
  for (const char c : text) out.push_back({c, c == '*' || c == '?'});
  return out;
}

// matched[i][j]: the first i signs against the first j characters.
inline bool matches(const Pattern& pattern, const std::string& text) {
  std::vector<std::vector<char>> matched(pattern.size() + 1, std::vector<char>(text.size() + 1, 0));
  matched[0][0] = 1;
  for (std::size_t i = 1; i <= pattern.size(); ++i) {
    const Sign& sign = pattern[i - 1];
    for (std::size_t j = 0; j <= text.size(); ++j) {
      if (sign.wild && sign.c == '*')
        matched[i][j] = matched[i - 1][j] || (j > 0 && matched[i][j - 1]);
      else if (j > 0 && (sign.wild || sign.c == text[j - 1]))
        matched[i][j] = matched[i - 1][j - 1];
    }
  }
  return matched[pattern.size()][text.size()] != 0;
}

// Replaces variables; nullopt when one has neither value nor default. Text outside variables keeps its wildcards.
inline std::optional<Pattern> filled(const std::string& text, const Request& request, bool replace) {
  Pattern out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const std::size_t end = text.find('}', i);
    if (!replace || text.compare(i, 2, "${") != 0 || end == std::string::npos) {
      out.push_back({text[i], text[i] == '*' || text[i] == '?'});
      continue;
    }
    const std::string inside = text.substr(i + 2, end - i - 2);
    i = end;
    std::optional<std::string> value;
    if (inside == "*" || inside == "?" || inside == "$") {
      value = inside;
    } else {
      const std::size_t comma = inside.find(',');
      const auto* values = context_values(request, inside.substr(0, comma));
      if (values != nullptr && values->size() == 1) {
        value = values->front();
      } else if (comma != std::string::npos) {
        const std::size_t open = inside.find('\''), close = inside.rfind('\'');
        value = inside.substr(open + 1, close - open - 1);
      }
    }
    if (!value) return std::nullopt;
    for (const char c : *value) out.push_back({c, false});
  }
  return out;
}

inline std::string plain(const Pattern& pattern) {
  std::string out;
  for (const Sign& sign : pattern) out += sign.c;
  return out;
}

// The six parts of an ARN, each by itself; a bare star matches everything; where one side has fewer parts, its last
// part represents all that is left.
inline bool arn_matches(const Pattern& pattern, const std::string& arn) {
  if (pattern.size() == 1 && pattern[0].wild && pattern[0].c == '*') return true;
  std::vector<Pattern> left(1);
  std::vector<std::string> right(1);
  const auto colons = static_cast<std::size_t>(
      std::min(std::count_if(pattern.begin(), pattern.end(), [](const Sign& sign) { return sign.c == ':'; }),
               std::count(arn.begin(), arn.end(), ':')));
  const std::size_t parts = std::min<std::size_t>(6, colons + 1);
  for (const Sign& sign : pattern) {
    if (sign.c == ':' && left.size() < parts)
      left.emplace_back();
    else
      left.back().push_back(sign);
  }
  for (const char c : arn) {
    if (c == ':' && right.size() < parts)
      right.emplace_back();
    else
      right.back() += c;
  }
  for (std::size_t i = 0; i < parts; ++i) {
    if (!matches(left[i], right[i])) return false;
  }
  return true;
}

inline std::optional<double> number(const std::string& text) {
  if (text.empty() || text.find_first_not_of("+-.0123456789eE") != std::string::npos) return std::nullopt;
  char* end = nullptr;
  const double value = std::strtod(text.c_str(), &end);
  if (*end != '\0') return std::nullopt;
  return value;
}

// YYYY-MM[-DD[Thh:mm[:ss](Z|+hh:mm|-hh:mm)]], or seconds since 1970.
inline std::optional<double> instant(const std::string& text) {
  if (const auto seconds = number(text); seconds && text.find('-', 1) == std::string::npos) return seconds;
  int year = 0, month = 0, day = 1, hour = 0, minute = 0, second = 0, used = 0, more = 0;
  if (std::sscanf(text.c_str(), "%4d-%2d%n", &year, &month, &used) != 2) return std::nullopt;
  std::string rest = text.substr(static_cast<std::size_t>(used));
  const auto read = [&](const char* form, int* a, int* b) {
    const int wanted = b == nullptr ? 1 : 2;
    const int got =
        b == nullptr ? std::sscanf(rest.c_str(), form, a, &more) : std::sscanf(rest.c_str(), form, a, b, &more);
    if (got != wanted) return false;
    rest.erase(0, static_cast<std::size_t>(more));
    return true;
  };
  read("-%2d%n", &day, nullptr);
  double zone = 0;
  if (read("T%2d:%2d%n", &hour, &minute)) {
    read(":%2d%n", &second, nullptr);
    int zone_hours = 0, zone_minutes = 0;
    if (rest == "Z") {
      rest.clear();
    } else if (rest.size() == 6 && (rest[0] == '+' || rest[0] == '-')) {
      const double sign = rest[0] == '+' ? 1 : -1;
      rest.erase(0, 1);
      if (!read("%2d:%2d%n", &zone_hours, &zone_minutes)) return std::nullopt;
      zone = sign * (zone_hours * 60 + zone_minutes) * 60;
    } else {
      return std::nullopt;
    }
  }
  if (!rest.empty()) return std::nullopt;
  const bool early = month <= 2;
  const long y = year - (early ? 1 : 0);
  const long days = 365L * y + y / 4 - y / 100 + y / 400 + (153 * (month + (early ? 9 : -3)) + 2) / 5 + day - 719'469;
  return static_cast<double>(((days * 24 + hour) * 60 + minute) * 60 + second) - zone;
}

inline bool in_network(const std::string& network, const std::string& address) {
  unsigned char want[16], have[16];
  const std::size_t slash = network.find('/');
  const std::string base = network.substr(0, slash);
  for (const int family : {AF_INET, AF_INET6}) {
    if (inet_pton(family, base.c_str(), want) != 1) continue;
    if (inet_pton(family, address.c_str(), have) != 1) return false;
    const int most = family == AF_INET ? 32 : 128;
    const int bits = slash == std::string::npos ? most : std::atoi(network.c_str() + slash + 1);
    if (bits > most) return false;
    for (int bit = 0; bit < bits; ++bit) {
      if (((want[bit / 8] ^ have[bit / 8]) >> (7 - bit % 8)) & 1) return false;
    }
    return true;
  }
  return false;
}

// One value of the policy against one of the request, for the operator without its "Not". nullopt: a variable that
// nothing fills.
inline std::optional<bool> compares(const std::string& op, const std::string& wanted, const std::string& actual,
                                    const Request& request, bool variables) {
  const bool text = op.starts_with("String"), arn = op.starts_with("Arn");
  const auto pattern = filled(wanted, request, variables && (text || arn));
  if (!pattern) return std::nullopt;
  if (op == "StringEquals") return plain(*pattern) == actual;
  if (op == "StringEqualsIgnoreCase") return lowered(plain(*pattern)) == lowered(actual);
  if (op == "StringLike") return matches(*pattern, actual);
  if (arn) return arn_matches(*pattern, actual);
  if (op == "Bool") return lowered(wanted) == lowered(actual);
  if (op == "BinaryEquals") return wanted == actual;
  if (op == "IpAddress") return in_network(wanted, actual);
  const bool numeric = op.starts_with("Numeric");
  const auto want = numeric ? number(wanted) : instant(wanted), have = numeric ? number(actual) : instant(actual);
  if (!want || !have) return false;
  const std::string how = op.substr(numeric ? 7 : 4);
  if (how == "Equals") return *have == *want;
  if (how == "LessThan") return *have < *want;
  if (how == "LessThanEquals") return *have <= *want;
  if (how == "GreaterThan") return *have > *want;
  return *have >= *want;
}

inline bool one_condition(std::string op, const std::string& key, const std::vector<std::string>& wanted,
                          const Request& request, bool variables, bool allow) {
  const bool all = op.starts_with("ForAllValues:"), any = op.starts_with("ForAnyValue:");
  if (all || any) op = op.substr(op.find(':') + 1);
  const auto* values = context_values(request, key);
  if (op == "Null") {
    const std::string expected = values == nullptr ? "true" : "false";
    return std::any_of(wanted.begin(), wanted.end(), [&](const auto& w) { return lowered(w) == expected; });
  }
  const bool if_exists = op.ends_with("IfExists");
  if (if_exists) op.resize(op.size() - 8);
  const std::size_t at = op.find("Not");
  const bool negated = at != std::string::npos;
  if (negated) op.erase(at, 3);
  if (values == nullptr && if_exists) return true;
  const bool empty =
      values == nullptr || std::all_of(values->begin(), values->end(), [](const auto& v) { return v.empty(); });
  if (all && empty) return true;
  if (any && empty) return false;
  if (values == nullptr) return negated;
  std::size_t holding = 0;
  for (const std::string& actual : *values) {
    bool hit = false, unfilled = false;
    for (const std::string& w : wanted) {
      const auto outcome = compares(op, w, actual, request, variables);
      unfilled = unfilled || (!outcome && !hit);
      hit = hit || outcome.value_or(false);
    }
    const bool holds = negated ? !hit && !(unfilled && allow) : hit;
    holding += holds ? 1 : 0;
  }
  return all ? holding == values->size() : holding > 0;
}

inline bool conditions(const Value& statement, const Request& request, bool variables) {
  for (const auto& [op, keys] : statement["Condition"].members()) {
    for (const auto& [key, values] : keys.members()) {
      if (!one_condition(op, key, as_list(values), request, variables, statement["Effect"].as_string() == "Allow"))
        return false;
    }
  }
  return true;
}

inline bool action(const Value& statement, const Request& request) {
  const auto listed = [&](const Value& list) {
    const auto names = as_list(list);
    return std::any_of(names.begin(), names.end(), [&](const std::string& name) {
      return matches(pattern_of(lowered(name)), lowered(request.action));
    });
  };
  return statement.has("Action") ? listed(statement["Action"]) : !listed(statement["NotAction"]);
}

inline bool resource(const Value& statement, const Request& request, bool variables) {
  const bool negated = statement.has("NotResource");
  if (!negated && !statement.has("Resource")) return true;  // a trust policy
  bool listed = false, unfilled = false;
  for (const std::string& text : as_list(statement[negated ? "NotResource" : "Resource"])) {
    const auto pattern = filled(text, request, variables);
    unfilled = unfilled || !pattern;
    listed = listed || (pattern && arn_matches(*pattern, request.resource));
  }
  if (!negated) return listed;
  return !listed && !(unfilled && statement["Effect"].as_string() == "Allow");
}

// 0: not named; 1: through its account; 2: as the identity behind a session; 3: as itself.
inline int named(const Value& principal, const Caller& caller) {
  if (principal.is_string()) return 3;  // "*"
  int best = 0;
  for (const auto& [type, values] : principal.members()) {
    for (const std::string& who : as_list(values)) {
      if (type == "Service") {
        if (caller.kind == "service" && who == caller.arn) best = std::max(best, 3);
      } else if (type == "AWS" && who == "*") {
        best = std::max(best, 3);
      } else if (type == "AWS" && caller.kind != "service" && caller.kind != "anonymous") {
        if (who == caller.arn && caller.kind != "root") best = std::max(best, 3);
        if (!caller.behind.empty() && who == caller.behind) best = std::max(best, 2);
        if (who == caller.account || who == "arn:aws:iam::" + caller.account + ":root") best = std::max(best, 1);
      }
    }
  }
  return best;
}

inline bool exempt(const Value& principal, const Caller& caller) {
  if (principal.is_string()) return true;
  for (const auto& [type, values] : principal.members()) {
    for (const std::string& who : as_list(values)) {
      if (type == "AWS" && who == "*") return true;
      if ((type == "Service") != (caller.kind == "service") || caller.kind == "anonymous") continue;
      if (who == caller.arn || (caller.kind == "root" && who == caller.account)) return true;
    }
  }
  return false;
}

inline std::vector<Value> statements(const Value& document) {
  const Value& list = document["Statement"];
  return list.is_array() ? list.items() : std::vector<Value>{list};
}

inline bool applies(const Value& document, const Value& statement, const Request& request, bool bounded) {
  const bool variables = document["Version"].string_or() == "2012-10-17";
  bool who = true;
  if (statement.has("Principal")) who = named(statement["Principal"], request.caller) > 0;
  if (statement.has("NotPrincipal")) who = bounded || !exempt(statement["NotPrincipal"], request.caller);
  return action(statement, request) && resource(statement, request, variables) && who &&
         conditions(statement, request, variables);
}

inline bool any_statement(const std::vector<Value>& documents, const std::string& effect, const Request& request,
                          bool bounded) {
  for (const Value& document : documents) {
    for (const Value& statement : statements(document)) {
      if (statement["Effect"].as_string() == effect && applies(document, statement, request, bounded)) return true;
    }
  }
  return false;
}

// "allow", "explicit deny" or "implicit deny".
inline std::string decide(const PolicySet& policies, const Request& request) {
  const bool bounded = !policies.boundary.empty();
  // Step 1: any deny in any policy.
  for (const auto* list : {&policies.identity, &policies.resource, &policies.boundary, &policies.session}) {
    if (any_statement(*list, "Deny", request, bounded)) return "explicit deny";
  }
  const Caller& caller = request.caller;
  const bool own = request.resource_account.empty() || request.resource_account == caller.account;
  // Step 2: the root user of the account.
  if (caller.kind == "root" && own) return "allow";
  // Step 3: what the resource's policies say, and how directly they name the caller.
  int directness = 0;
  for (const Value& document : policies.resource) {
    for (const Value& statement : statements(document)) {
      if (statement["Effect"].as_string() == "Allow" && applies(document, statement, request, bounded))
        directness = std::max(directness, named(statement["Principal"], caller));
    }
  }
  if (caller.kind == "anonymous" || caller.kind == "service" || caller.kind == "root")
    return directness > 0 ? "allow" : "implicit deny";
  if (own && directness == 3) return "allow";
  // Step 4: identity policies; from another account both sides.
  const bool identity = any_statement(policies.identity, "Allow", request, bounded);
  const bool granted = own ? identity || directness == 2 : identity && directness > 0;
  if (!granted) return "implicit deny";
  // Steps 5 and 6: the limits.
  if (bounded && !any_statement(policies.boundary, "Allow", request, bounded)) return "implicit deny";
  if (!policies.session.empty() && !any_statement(policies.session, "Allow", request, bounded)) return "implicit deny";
  return "allow";
}

}  // namespace millrace::iam::policy::naive
