#include "kube/path.h"

#include <vector>

#include "base/encode.h"
#include "base/strings.h"
#include "kube/refusal.h"

namespace millrace::kube {
namespace {
constexpr std::size_t kMaxPathBytes = 4096;
}

Result<ObjectPath> parse_path(std::string_view path) {
  if (path.size() > kMaxPathBytes || !path.starts_with("/api")) return fail(unknown_path());
  std::vector<std::string> parts;
  for (const auto part : split(path.substr(1), '/')) {
    parts.push_back(MR_TRY(percent_decode(part)));
    if (parts.back().empty()) return fail(unknown_path());
  }
  const std::size_t head = parts.front() == "api" ? 2 : 3;
  if (parts.size() <= head) return fail(unknown_path());
  ObjectPath result;
  result.api_version = head == 2 ? parts[1] : parts[1] + "/" + parts[2];
  parts.erase(parts.begin(), parts.begin() + static_cast<std::ptrdiff_t>(head));
  if (parts.front() == "namespaces" && parts.size() > 2) {
    result.name_space = parts[1];
    parts.erase(parts.begin(), parts.begin() + 2);
  }
  if (parts.size() > 3) return fail(unknown_path());
  parts.resize(3);
  result.plural = parts[0];
  result.name = parts[1];
  result.subresource = parts[2];
  return result;
}

}  // namespace millrace::kube
