#include "s3/bucket_host.h"

#include <string_view>

#include "base/strings.h"

namespace millrace::s3 {
namespace {

// "us-east-1", "us-gov-west-1": at least two hyphens and a number.
bool is_region(std::string_view label) {
  const auto parts = split(label, '-');
  return parts.size() >= 3 && parts.front().size() == 2 && parts.front() != "s3" && parse_int(parts.back()).has_value();
}

std::string_view last_label(std::string_view host) {
  const std::size_t dot = host.rfind('.');
  return dot == std::string_view::npos ? host : host.substr(dot + 1);
}

void drop_label(std::string_view& host) {
  const std::size_t dot = host.rfind('.');
  host = dot == std::string_view::npos ? std::string_view() : host.substr(0, dot);
}

// Drops the endpoint's own labels from the end of `host`: "s3", "s3-us-west-2", "s3.us-west-2",
// "s3.dualstack.us-west-2". false, and nothing dropped: there are none.
bool drop_endpoint(std::string_view& host) {
  std::string_view rest = host;
  if (is_region(last_label(rest))) drop_label(rest);
  if (last_label(rest) == "dualstack") drop_label(rest);
  const std::string_view label = last_label(rest);
  if (label != "s3" && !(label.starts_with("s3-") && is_region(label.substr(3)))) return false;
  drop_label(rest);
  host = rest;
  return true;
}

}  // namespace

std::string bucket_in_host(const net::Request& request) {
  const std::string lower = to_lower(request.headers.get("host"));
  std::string_view host = std::string_view(lower).substr(0, lower.find(':'));
  const bool amazon = host.ends_with(".amazonaws.com");
  if (amazon)
    host.remove_suffix(std::string_view(".amazonaws.com").size());
  else if (host.ends_with(".localhost"))
    host.remove_suffix(std::string_view(".localhost").size());
  else
    return "";
  return drop_endpoint(host) || !amazon ? std::string(host) : "";
}

std::string path_with_bucket(const net::Request& request) {
  const std::string bucket = bucket_in_host(request);
  return bucket.empty() ? request.path : "/" + bucket + request.path;
}

}  // namespace millrace::s3
