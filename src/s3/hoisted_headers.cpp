#include "s3/hoisted_headers.h"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

#include "base/strings.h"

namespace millrace::s3 {
namespace {

constexpr std::string_view kPrefix = "x-amz-";
constexpr std::array<std::string_view, 8> kOfTheSignature = {
    "x-amz-algorithm",     "x-amz-credential", "x-amz-date",           "x-amz-expires",
    "x-amz-signedheaders", "x-amz-signature",  "x-amz-security-token", "x-amz-content-sha256"};
constexpr std::array<std::string_view, 10> kChecksums = {
    "x-amz-checksum-crc32",   "x-amz-checksum-crc32c",   "x-amz-checksum-crc64nvme", "x-amz-checksum-sha1",
    "x-amz-checksum-sha256",  "x-amz-checksum-sha512",   "x-amz-checksum-md5",       "x-amz-checksum-xxhash64",
    "x-amz-checksum-xxhash3", "x-amz-checksum-xxhash128"};

bool is_header(std::string_view name) {
  return name.starts_with(kPrefix) && std::ranges::find(kOfTheSignature, name) == kOfTheSignature.end() &&
         std::ranges::find(kChecksums, name) == kChecksums.end() && name != "x-amz-sdk-checksum-algorithm";
}

}  // namespace

void take_hoisted_headers(net::Request& request) {
  for (const auto& [name, value] : net::parse_query(request.raw_query)) {
    const std::string lower = to_lower(name);
    if (is_header(lower) && !request.headers.has(lower)) request.headers.set(lower, value);
  }
}

}  // namespace millrace::s3
