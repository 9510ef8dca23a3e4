#pragma once
// What S3 asks of a request's signature, and its own words for one that it refuses. Source: Amazon S3 API Reference,
// "Authenticating Requests (AWS Signature Version 4)" and "Error responses".

#include <optional>
#include <string>

#include "aws/gateway.h"

namespace millrace::s3 {

aws::sigv4::Rule signature_rule();
std::optional<Error> own_words(const Error& error);
// A request has one signature. InvalidArgument.
Status check_claim(const net::Request& request, const aws::sigv4::Claim& claim);
// A request that is signed in a way that is not known here is not taken for an unsigned one. InvalidArgument.
Status allow_unsigned(const net::Request& request);
// Names the right region, with which clients ask again.
Error wrong_region(aws::Call& call, const std::string& region);

}  // namespace millrace::s3
