#include "aws/origin.h"

#include <algorithm>

#include "base/strings.h"

namespace millrace::aws {
namespace {

constexpr std::string_view kPrefix = "millrace-";
constexpr std::size_t kMaxRunId = 64;

}  // namespace

std::string application_id(std::string_view run_id) { return std::string(kPrefix) + std::string(run_id); }

std::string origin_of_user_agent(std::string_view user_agent) {
  for (const std::string_view word : split(user_agent, ' ')) {
    if (!word.starts_with("app/") || !word.substr(4).starts_with(kPrefix)) continue;
    const std::string_view id = word.substr(4 + kPrefix.size());
    const bool plain = std::all_of(id.begin(), id.end(), [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
    });
    if (!id.empty() && id.size() <= kMaxRunId && plain) return std::string(id);
  }
  return {};
}

std::string origin_of(const Principal& principal, const net::Request& request) {
  return principal.origin.empty() ? origin_of_user_agent(request.headers.get("user-agent")) : principal.origin;
}

}  // namespace millrace::aws
