#include "s3/names.h"

#include <algorithm>

#include "base/strings.h"
#include "s3/errors.h"
#include "s3/s3.h"

namespace millrace::s3 {
namespace {

bool is_lower_or_digit(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }

bool looks_like_ip_address(std::string_view name) {
  const auto parts = split(name, '.');
  return parts.size() == 4 && std::all_of(parts.begin(), parts.end(), [](std::string_view part) {
           return !part.empty() && part.size() <= 3 && part.find_first_not_of("0123456789") == std::string_view::npos;
         });
}

bool is_bucket_name(std::string_view name) {
  if (name.size() < 3 || name.size() > 63) return false;
  if (!is_lower_or_digit(name.front()) || !is_lower_or_digit(name.back())) return false;
  if (!std::all_of(name.begin(), name.end(), [](char c) { return is_lower_or_digit(c) || c == '-' || c == '.'; })) {
    return false;
  }
  if (name.find("..") != std::string_view::npos || looks_like_ip_address(name)) return false;
  for (const std::string_view prefix : {"xn--", "sthree-", "amzn-s3-demo-"}) {
    if (name.starts_with(prefix)) return false;
  }
  for (const std::string_view suffix : {"-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3"}) {
    if (name.ends_with(suffix)) return false;
  }
  return true;
}

}  // namespace

Status check_bucket_name(std::string_view name) {
  if (is_bucket_name(name)) return {};
  return error_with("InvalidBucketName", "The specified bucket is not valid.");
}

Status check_key(std::string_view key) {
  if (key.size() > kMaxKeyBytes) return error_with("KeyTooLongError", "Your key is too long");
  if (key.empty() || !is_valid_utf8(key) || key.find('\0') != std::string_view::npos) {
    return invalid_argument("An object's key is UTF-8 text of 1 to 1024 bytes");
  }
  return {};
}

Result<Uri> parse_uri(std::string_view text) {
  constexpr std::string_view kScheme = "s3://";
  if (!text.starts_with(kScheme)) {
    return fail(Code::invalid_argument, "'" + std::string(text) + "' is not an S3 URI: it must begin with s3://");
  }
  text.remove_prefix(kScheme.size());
  const auto slash = std::min(text.find('/'), text.size());
  Uri uri{std::string(text.substr(0, slash)), std::string(text.substr(std::min(slash + 1, text.size())))};
  if (uri.bucket.empty()) return fail(Code::invalid_argument, "the S3 URI names no bucket");
  return uri;
}

}  // namespace millrace::s3
