#include "iam/policy/identity_rules.h"

#include <algorithm>
#include <array>
#include <optional>

#include <fmt/core.h>

#include "base/strings.h"

namespace millrace::iam::policy {
namespace {

tl::unexpected<Error> malformed(std::string message) {
  return fail(Code::invalid_argument, std::move(message), "MalformedPolicyDocument");
}

constexpr std::array<std::string_view, 13> kIamPaths = {"user/",
                                                        "federated-user/",
                                                        "role/",
                                                        "group/",
                                                        "instance-profile/",
                                                        "mfa/",
                                                        "server-certificate/",
                                                        "policy/",
                                                        "sms-mfa/",
                                                        "saml-provider/",
                                                        "oidc-provider/",
                                                        "report/",
                                                        "access-report/"};

// Takes a number of at most `digits` digits off the front; none, or one beyond the bounds, is no number.
std::optional<std::int64_t> number(std::string_view& text, std::size_t digits, std::int64_t least, std::int64_t most) {
  std::size_t end = 0;
  while (end < text.size() && end < digits && text[end] >= '0' && text[end] <= '9') ++end;
  const auto value = end == 0 ? std::nullopt : parse_int(text.substr(0, end));
  text.remove_prefix(end);
  return value && *value >= least && *value <= most ? value : std::nullopt;
}

bool take(std::string_view& text, std::string_view any_of) {
  if (text.empty() || any_of.find(text.front()) == std::string_view::npos) return false;
  text.remove_prefix(1);
  return true;
}

bool is_time(std::string_view text) {
  if (text.empty()) return true;  // "2026-01-02T"
  if (!number(text, 2, 0, 23)) return false;
  if (take(text, ":") && !number(text, 2, 0, 59)) return false;
  if (take(text, ":")) {
    if (!number(text, 2, 0, 59)) return false;
    if (take(text, ".") && !number(text, 9, 0, 999'999'999)) return false;
  }
  if (text.empty() || text == "Z" || text == "z") return true;
  if (!take(text, "+-") || text.size() < 2 || !number(text, 2, 0, 23)) return false;
  if (text.empty()) return true;
  return take(text, ":") && text.size() == 2 && number(text, 2, 0, 59);
}

// ISO 8601 with parts left out at the end, or seconds since 1970, each as far as Java's dates go.
bool is_date(std::string_view text) {
  constexpr std::int64_t kYearLeast = -292'275'054, kYearMost = 292'278'993;
  if (text.find_first_of("-tT") == std::string_view::npos) {
    const auto seconds = parse_int(text);
    return seconds && *seconds >= 0;
  }
  const bool before_christ = take(text, "-");
  const auto year = number(text, 9, 0, kYearMost);
  if (!year || (before_christ && -*year < kYearLeast)) return false;
  if (take(text, "-")) {
    if (!number(text, 2, 1, 12)) return false;
    if (take(text, "-") && !number(text, 2, 1, 31)) return false;
  }
  return text.empty() || (take(text, "tT") && is_time(text));
}

Status check_dates(const Condition& condition) {
  if (!condition.operator_name.starts_with("Date")) return {};
  for (const std::string& value : condition.values) {
    // What a variable brings in is seen when it is asked for.
    if (value.find("${") == std::string::npos && !is_date(value))
      return malformed(fmt::format("The policy failed legacy parsing: {} is not a date.", value));
  }
  return {};
}

Status check_action(const std::string& action) {
  if (std::count(action.begin(), action.end(), ':') > 1)
    return malformed("Actions/Condition can contain only one colon.");
  return {};
}

Status check_resource(const std::string& resource) {
  const auto parts = split(resource, ':');
  if (parts.size() < 6) return {};
  const std::string_view rest(parts[5].data(),
                              resource.size() - static_cast<std::size_t>(parts[5].data() - resource.data()));
  if (parts[2] == "iam" && rest != "*" &&
      std::ranges::none_of(kIamPaths, [&](std::string_view path) { return rest.starts_with(path); })) {
    return malformed(fmt::format("IAM resource path must either be \"*\" or start with {}.",
                                 join(std::vector<std::string>(kIamPaths.begin(), kIamPaths.end()), ", ")));
  }
  // Buckets and objects have neither region nor account; access points and jobs have both.
  if (parts[2] == "s3" && !parts[3].empty() && parts[3] != "*" && parts[4].empty())
    return malformed(fmt::format("Resource {} can not contain region information.", resource));
  return {};
}

}  // namespace

Status check_identity_rules(const Document& document, Held held) {
  if (held == Held::managed && document.version != "2012-10-17")
    return malformed("Policy document must be version 2012-10-17 or greater.");
  for (const Statement& statement : document.statements) {
    for (const Condition& condition : statement.conditions) MR_TRY(check_dates(condition));
    for (const std::string& resource : statement.resources) MR_TRY(check_resource(resource));
    for (const std::string& action : statement.actions) MR_TRY(check_action(action));
  }
  return {};
}

}  // namespace millrace::iam::policy
