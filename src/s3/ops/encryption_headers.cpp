#include "s3/errors.h"
#include "s3/ops/ops.h"

namespace millrace::s3::ops {
namespace {

bool gives(const Value& input, const std::string& member) { return !input[member].string_or().empty(); }

// Customer-provided keys: all three headers or none.
Status check_customer_key(aws::Call& call, const Value& input, const std::string& prefix, const std::string& header) {
  const bool algorithm = gives(input, prefix + "Algorithm"), key = gives(input, prefix + "Key"),
             md5 = gives(input, prefix + "KeyMD5");
  if (!algorithm && !key && !md5) return {};
  if (!algorithm) {
    return bad_argument(call, header + "-algorithm", "null",
                        "Requests specifying Server Side Encryption with "
                        "Customer provided keys must provide a valid "
                        "encryption algorithm.");
  }
  if (const std::string name = input[prefix + "Algorithm"].string_or(); name != "AES256")
    return bad_argument(call, header + "-algorithm", name,
                        "The Encryption request you specified is not valid. "
                        "Supported value: AES256.");
  if (!key) {
    return bad_argument(call, header + "-key", "null",
                        "Requests specifying Server Side Encryption with "
                        "Customer provided keys must provide an "
                        "appropriate secret key.");
  }
  if (!md5) {
    return bad_argument(call, header + "-key-MD5", "null",
                        "Requests specifying Server Side Encryption with "
                        "Customer provided keys must provide the "
                        "client calculated MD5 of the secret key.");
  }
  return not_implemented("Encryption with customer-provided keys is not implemented");
}

}  // namespace

Status check_encryption(aws::Call& call, const aws::Shape& shape, const Value& input) {
  constexpr std::string_view kHeader = "x-amz-server-side-encryption";
  if (call.http != nullptr && call.http->headers.has(kHeader) && shape.member("ServerSideEncryption") == nullptr) {
    return bad_argument(call, kHeader, call.http->headers.get(kHeader),
                        "x-amz-server-side-encryption header is not supported "
                        "for this operation.");
  }
  MR_TRY(check_customer_key(call, input, "SSECustomer", "x-amz-server-side-encryption-customer"));
  MR_TRY(check_customer_key(call, input, "CopySourceSSECustomer", "x-amz-copy-source-server-side-encryption-customer"));
  const std::string method = input["ServerSideEncryption"].string_or();
  const bool kms = method.starts_with("aws:kms");
  for (const char* member : {"SSEKMSKeyId", "SSEKMSEncryptionContext"}) {
    if (kms || !gives(input, member)) continue;
    return bad_argument(call, "x-amz-server-side-encryption", method.empty() ? "null" : method,
                        "Server Side Encryption with AWS KMS managed key requires HTTP header "
                        "x-amz-server-side-encryption : aws:kms");
  }
  return {};
}

}  // namespace millrace::s3::ops
