#pragma once
// Text beyond ASCII in HTTP headers, as S3 gives user metadata back. Source: RFC 2047; S3 User Guide, "Working with
// object metadata" ("returns ... encoded per RFC 2047").

#include <string>
#include <string_view>

namespace millrace::s3 {

// Printable ASCII as it is, anything else as one encoded word of UTF-8 ("=?UTF-8?B?…?="). Bytes that are no UTF-8 are
// read as ISO-8859-1.
std::string encode_header_text(std::string_view text);

// The text of encoded words (B and Q; UTF-8, US-ASCII, ISO-8859-1); text that holds none, or one that cannot be read,
// comes back as it is.
std::string decode_header_text(std::string_view text);

}  // namespace millrace::s3
