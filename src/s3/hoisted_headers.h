#pragma once
// Headers that a presigned URL carries as query parameters (the JavaScript SDK moves every x-amz- header there): S3
// reads them as the headers that they were.

#include "net/http.h"

namespace millrace::s3 {

// Makes headers of the x-amz- parameters of a URL whose signature has been verified, which covers them. A header that
// is there stays. Those of the signature itself are left out, and so are values of checksums: they are of the body that
// the URL's maker had, mostly none, and S3 passes over them.
void take_hoisted_headers(net::Request& request);

}  // namespace millrace::s3
