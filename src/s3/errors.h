#pragma once
// S3's errors in S3's words. Source: Amazon S3 API Reference, "Error responses".

#include <string>
#include <string_view>

#include "base/result.h"

namespace millrace::s3 {

tl::unexpected<Error> no_such_bucket();
tl::unexpected<Error> no_such_key();
tl::unexpected<Error> no_such_upload();
tl::unexpected<Error> no_such_bucket_policy();
tl::unexpected<Error> invalid_part();
tl::unexpected<Error> malformed_xml();
tl::unexpected<Error> not_implemented(std::string message);
tl::unexpected<Error> invalid_argument(std::string message);
tl::unexpected<Error> precondition_failed();
tl::unexpected<Error> error_with(std::string_view reason, std::string message, Code code = Code::invalid_argument);

// A full disk is the server's trouble, not a request that was too large.
Error storage_error(Error error);

}  // namespace millrace::s3
