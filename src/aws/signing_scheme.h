#pragma once
// The two ways in which services apply signature version 4. The public service models name them by a service's
// "signatureVersion"; Source: AWS IAM User Guide, "Create a signed AWS API request", the notes on Amazon S3.

namespace millrace::aws::sigv4 {

enum class Scheme {
  // The path has its dot segments removed and is encoded once more; the body's hash is always part of the signature.
  common,
  // The path is encoded once and kept as it is; x-amz-content-sha256 is sent, and may leave the body unsigned, as a
  // presigned URL does.
  verbatim,
};

}  // namespace millrace::aws::sigv4
