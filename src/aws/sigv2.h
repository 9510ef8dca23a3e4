#pragma once
// Presigned URLs of signature version 2, which S3 alone takes: boto3 and the AWS CLI of PyPI write them in us-east-1
// unless they are configured otherwise. Requests that are signed in a header have to be version 4. Source: S3 User
// Guide, "Signing and authenticating REST requests (AWS signature version 2)".

#include <optional>
#include <string>
#include <string_view>

#include "aws/sigv4.h"

namespace millrace::aws::sigv2 {

// nullopt: not such a URL. The scope is left to the caller. Error: AccessDenied for a part that is missing.
Result<std::optional<sigv4::Claim>> read_claim(const net::Request& request);

// `resource`: the path, with what the host name says of it in front. Errors: SignatureDoesNotMatch; AccessDenied once
// expired.
Status verify(const net::Request& request, const sigv4::Claim& claim, std::string_view secret_access_key,
              std::string_view resource, Time now);

}  // namespace millrace::aws::sigv2
