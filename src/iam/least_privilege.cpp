#include "iam/least_privilege.h"

#include <algorithm>
#include <map>
#include <set>

#include "base/json.h"
#include "base/strings.h"

namespace millrace::iam {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_hex(char c) { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }
bool is_word(char c) { return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

constexpr std::size_t kTimeDigits = 8;  // a date, or seconds since 1970 (10), or date and time (14)
constexpr std::size_t kHexDigits = 12;  // a random number
constexpr std::size_t kDateAndTimeDigits = 14;

// The end of a UUID that begins at `at`; npos: there is none.
std::size_t uuid_end(std::string_view text, std::size_t at) {
  constexpr std::string_view kForm = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
  if (text.size() - at < kForm.size()) return std::string_view::npos;
  for (std::size_t i = 0; i < kForm.size(); ++i) {
    if (kForm[i] == 'x' ? !is_hex(text[at + i]) : text[at + i] != '-') return std::string_view::npos;
  }
  return at + kForm.size();
}

// Whether a date and a time begin at `at`, right behind a letter: "Endpoint20260102030405-7GX2".
bool is_glued_time(std::string_view part, std::size_t at) {
  if (at == 0 || is_digit(part[at - 1]) || !is_digit(part[at])) return false;
  std::size_t end = at;
  while (end < part.size() && is_digit(part[end])) ++end;
  return end - at == kDateAndTimeDigits && (end == part.size() || !is_word(part[end]));
}

// One part of a name, between slashes: from the first time or id on it is the run's.
std::string without_run_in_part(std::string_view part) {
  for (std::size_t at = 0; at < part.size(); ++at) {
    if (is_glued_time(part, at)) return std::string(part.substr(0, at)) + "*";
    if (at > 0 && is_word(part[at - 1])) continue;
    if (uuid_end(part, at) != std::string_view::npos) return std::string(part.substr(0, at)) + "*";
    std::size_t end = at;
    while (end < part.size() && is_digit(part[end])) ++end;
    const bool whole = end == part.size() || !is_word(part[end]);
    if (end - at >= kTimeDigits && whole) return std::string(part.substr(0, at)) + "*";
    bool digit = false;
    for (end = at; end < part.size() && is_hex(part[end]); ++end) digit = digit || is_digit(part[end]);
    if (end - at >= kHexDigits && digit && (end == part.size() || !is_word(part[end])))
      return std::string(part.substr(0, at)) + "*";
  }
  return std::string(part);
}

// The folder of an object's ARN, with its '/'; empty for anything else.
std::string folder_of(const std::string& resource) {
  if (!resource.starts_with("arn:aws:s3:::")) return {};
  const std::size_t first = resource.find('/'), last = resource.rfind('/');
  return first == std::string::npos ? std::string() : resource.substr(0, last + 1);
}

std::set<std::string> folded(const std::set<std::string>& resources) {
  std::map<std::string, std::size_t> names;
  for (const std::string& resource : resources) ++names[folder_of(resource)];
  std::set<std::string> out;
  for (const std::string& resource : resources) {
    const std::string folder = folder_of(resource);
    out.insert(!folder.empty() && names[folder] > kMostNamesOfFolder ? folder + "*" : resource);
  }
  return out;
}

Value list_of(const std::set<std::string>& texts) {
  if (texts.size() == 1) return *texts.begin();
  Value list = Value::array();
  for (const std::string& text : texts) list.push(text);
  return list;
}

std::size_t bytes_without_blanks(const Value& document) {
  const std::string text = to_json(document);
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return c != ' ' && c != '\n'; }));
}

// "s3:GetObject" of several services → "S3", for a Sid: letters and digits alone.
std::string sid_of(const std::string& action, std::size_t number) {
  std::string service = action.substr(0, action.find(':'));
  std::erase_if(service, [](char c) { return !is_word(c); });
  if (!service.empty() && service[0] >= 'a' && service[0] <= 'z')
    service[0] = static_cast<char>(service[0] - 'a' + 'A');
  return service + std::to_string(number);
}

}  // namespace

std::string without_run(std::string_view resource) {
  // Roles and users are there before a run; their names may hold numbers.
  if (resource.starts_with("arn:aws:iam::")) return std::string(resource);
  // Of an ARN only the resource's own part; its account is made of digits as well.
  std::size_t begin = 0;
  if (resource.starts_with("arn:")) {
    for (int colon = 0; colon < 5 && begin != std::string_view::npos; ++colon) {
      begin = resource.find(':', begin);
      if (begin != std::string_view::npos) ++begin;
    }
    if (begin == std::string_view::npos) return std::string(resource);
  }
  std::string out(resource.substr(0, begin));
  std::vector<std::string> parts;
  const bool in_bucket = resource.starts_with("arn:aws:s3:::");
  for (const std::string_view part : split(resource.substr(begin), '/')) {
    const bool bucket = in_bucket && parts.empty();  // there before the run, too
    parts.push_back(bucket ? std::string(part) : without_run_in_part(part));
  }
  return out + join(parts, "/");
}

std::vector<PrincipalPolicy> smallest_policies(const std::vector<UsedPermission>& used) {
  using Resources = std::set<std::string>;
  // principal → (service it was passed to, action) → resources
  std::map<std::string, std::map<std::pair<std::string, std::string>, Resources>> of;
  for (const UsedPermission& one : used)
    of[one.principal][{one.passed_to, one.action}].insert(without_run(one.resource));
  std::vector<PrincipalPolicy> out;
  for (const auto& [principal, actions] : of) {
    // Actions with the same resources share a statement.
    std::map<std::tuple<std::string, std::string, Resources>, std::set<std::string>> statements;
    for (const auto& [what, resources] : actions) {
      const auto& [passed_to, action] = what;
      statements[{action.substr(0, action.find(':')), passed_to, folded(resources)}].insert(action);
    }
    Value list = Value::array();
    std::map<std::string, std::size_t> numbers;
    for (const auto& [key, names] : statements) {
      const auto& [service, passed_to, resources] = key;
      Value statement = Value::object({{"Sid", sid_of(*names.begin(), ++numbers[service])},
                                       {"Effect", "Allow"},
                                       {"Action", list_of(names)},
                                       {"Resource", list_of(resources)}});
      if (!passed_to.empty()) {
        statement.set("Condition",
                      Value::object({{"StringEquals", Value::object({{"iam:PassedToService", passed_to}})}}));
      }
      list.push(std::move(statement));
    }
    PrincipalPolicy policy{principal, Value::object({{"Version", "2012-10-17"}, {"Statement", std::move(list)}}), 0};
    policy.bytes = bytes_without_blanks(policy.document);
    out.push_back(std::move(policy));
  }
  return out;
}

}  // namespace millrace::iam
