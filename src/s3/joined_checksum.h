#pragma once
// The checksum of an object that was uploaded in parts, from the parts' checksums. Pure.
// Source: S3 User Guide, "Checking object integrity": composite (the checksum of the parts' checksums, and how many
// they were) and full object (that of the whole, which CRCs give without reading the bytes again).

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace millrace::s3 {

inline constexpr std::string_view kComposite = "COMPOSITE", kFullObject = "FULL_OBJECT";

// What an upload's checksum will be. `algorithm` in lower case, `type` as asked for or empty. Error: InvalidRequest for
// two that do not go together.
Result<std::string_view> checksum_type(std::string_view algorithm, std::string_view type);

struct PartChecksum {
  std::string value;  // base64
  std::uint64_t size = 0;
};
// nullopt where a part has none.
std::optional<std::string> joined_checksum(std::string_view algorithm, std::string_view type,
                                           const std::vector<PartChecksum>& parts);

}  // namespace millrace::s3
