#pragma once
// Virtual-hosted-style addressing: the bucket in the host name. Source: Amazon S3 User Guide, "Virtual hosting of
// general purpose buckets".

#include <string>

#include "net/http.h"

namespace millrace::s3 {

// "bucket.localhost", "bucket.s3.localhost", "bucket.s3.us-east-1.localhost", and the same before ".amazonaws.com" for
// clients that reach this server under S3's own name. Empty: the bucket stands in the path.
std::string bucket_in_host(const net::Request& request);
// The path with the bucket in it, wherever it stands.
std::string path_with_bucket(const net::Request& request);

}  // namespace millrace::s3
