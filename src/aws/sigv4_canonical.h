#pragma once
// The canonical request of signature version 4, shared by the signer, the verifier and the chunk decoder.
// Source: AWS IAM User Guide, "Create a canonical request".

#include <string>
#include <string_view>
#include <vector>

#include "aws/sigv4.h"
#include "base/time.h"
#include "net/http.h"

namespace millrace::aws::sigv4 {

// `path` and `query` as on the wire.
std::string canonical_request(std::string_view method, std::string_view path, std::string_view query,
                              const net::Headers& headers, const std::vector<std::string>& signed_headers,
                              std::string_view payload_hash, Scheme scheme);
std::string string_to_sign(Time at, const Scope& scope, std::string_view canonical);
std::string signature_of(std::string_view secret, const Scope& scope, std::string_view text);  // lower-case hex

}  // namespace millrace::aws::sigv4
