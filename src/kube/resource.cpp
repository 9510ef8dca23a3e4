#include "kube/resource.h"

#include <algorithm>

#include <fmt/core.h>

#include "base/strings.h"

namespace millrace::kube {
namespace {

bool is_label(std::string_view text) {
  const auto lower_or_digit = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  return !text.empty() && text.size() <= 63 && lower_or_digit(text.front()) && lower_or_digit(text.back()) &&
         std::ranges::all_of(text, [&](char c) { return lower_or_digit(c) || c == '-'; });
}

tl::unexpected<Error> invalid_name(const std::string& kind, const std::string& name, std::string_view rule) {
  return fail(Code::invalid_argument,
              fmt::format("{} \"{}\" is invalid: metadata.name: Invalid value: \"{}\": {}", kind, name, name, rule),
              "Invalid");
}

}  // namespace

Status Resource::admit(Value&, const Value*) const { return {}; }
Status Resource::may_delete(const Value&) const { return {}; }

Status check_subdomain(const std::string& kind, const std::string& name, std::size_t max_length) {
  const auto parts = split(name, '.');
  if (name.size() <= max_length && std::ranges::all_of(parts, is_label)) return {};
  return invalid_name(
      kind, name,
      "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and "
      "must start and end with an alphanumeric character (e.g. 'example.com')");
}

Status check_label_name(const std::string& kind, const std::string& name) {
  if (is_label(name)) return {};
  return invalid_name(kind, name,
                      "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must "
                      "start and end with an alphanumeric character (e.g. 'my-name', at most 63 characters)");
}

std::string short_duration(Millis duration) {
  const auto seconds = std::max<std::int64_t>(0, duration.count() / 1000);
  const auto minutes = seconds / 60, hours = minutes / 60, days = hours / 24;
  const auto two = [](std::int64_t large, char a, std::int64_t small, char b) {
    return small == 0 ? fmt::format("{}{}", large, a) : fmt::format("{}{}{}{}", large, a, small, b);
  };
  if (seconds < 120) return fmt::format("{}s", seconds);
  if (minutes < 10) return two(minutes, 'm', seconds % 60, 's');
  if (minutes < 180) return fmt::format("{}m", minutes);
  if (hours < 8) return two(hours, 'h', minutes % 60, 'm');
  if (hours < 48) return fmt::format("{}h", hours);
  if (days < 8) return two(days, 'd', hours % 24, 'h');
  if (days < 730) return fmt::format("{}d", days);
  return two(days / 365, 'y', days % 365, 'd');
}

std::string age(const Value& object, Time now) {
  const auto created = parse_rfc3339(object.at("metadata").at("creationTimestamp").string_or());
  return created ? short_duration(now - *created) : "<unknown>";
}

}  // namespace millrace::kube
