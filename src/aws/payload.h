#pragma once
// A request's body with everything that was promised about it checked at its end: length, hash, MD5, checksums.

#include <memory>

#include "aws/sigv4.h"
#include "base/result.h"
#include "net/http.h"

namespace millrace::aws {

// `claim` may be null (anonymous). The reader's last read fails (XAmzContentSHA256Mismatch, BadDigest,
// SignatureDoesNotMatch…) instead of returning 0 when the bytes are not what was signed, so a handler that commits only
// after the end never commits what was not sent. `source` outlives the result. `broken_code`: the reason of a body that
// its sender broke or ended early, where the service has one.
Result<std::unique_ptr<net::BodyReader>> checked_payload(const net::Request& request, const sigv4::Claim* claim,
                                                         std::string_view secret_access_key, net::BodyReader& source,
                                                         std::string_view broken_code = {});

}  // namespace millrace::aws
