#include "aws/payload.h"

#include <fmt/core.h>

#include "aws/checksum.h"
#include "base/encode.h"
#include "base/strings.h"

namespace millrace::aws {
namespace {

struct Promise {
  std::unique_ptr<Checksum> checksum;
  std::string expected;  // raw bytes
  Error failure;
};

class CheckedBody final : public net::BodyReader {
 public:
  CheckedBody(net::BodyReader& source, std::unique_ptr<net::BodyReader> owned, std::vector<Promise> promises,
              std::string_view broken_code)
      : owned_(std::move(owned)),
        source_(owned_ ? *owned_ : source),
        promises_(std::move(promises)),
        broken_code_(broken_code) {}
  std::optional<std::uint64_t> length() const override { return source_.length(); }
  Result<std::size_t> read(std::span<char> out) override {
    if (done_ || out.empty()) return std::size_t{0};
    auto read = source_.read(out);
    if (!read) return fail(named(std::move(read).error()));
    const std::size_t n = *read;
    for (Promise& promise : promises_) promise.checksum->update(std::string_view(out.data(), n));
    if (n > 0) return n;
    done_ = true;
    for (Promise& promise : promises_) {
      if (promise.checksum->finish() != promise.expected) return fail(promise.failure);
    }
    return std::size_t{0};
  }

 private:
  Error named(Error error) const {
    if (error.code == Code::invalid_argument && error.reason.empty()) error.reason = broken_code_;
    return error;
  }

  std::unique_ptr<net::BodyReader> owned_;
  net::BodyReader& source_;
  std::vector<Promise> promises_;
  const std::string broken_code_;
  bool done_ = false;
};

}  // namespace

Result<std::unique_ptr<net::BodyReader>> checked_payload(const net::Request& request, const sigv4::Claim* claim,
                                                         std::string_view secret_access_key, net::BodyReader& source,
                                                         std::string_view broken_code) {
  std::vector<Promise> promises;
  const std::string_view hash = claim != nullptr ? std::string_view(claim->payload_hash) : std::string_view();
  std::unique_ptr<net::BodyReader> decoded;
  if (claim != nullptr && hash.starts_with("STREAMING-")) {
    decoded = MR_TRY(sigv4::decode_chunked(request, *claim, secret_access_key, source));
  } else if (!hash.empty() && hash != sigv4::kUnsignedPayload) {
    auto expected = from_hex(hash);
    if (!expected || expected->size() != 32) {
      return fail(
          Code::invalid_argument,
          "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-AWS4-HMAC-SHA256-PAYLOAD, or a valid sha256 value.",
          "InvalidArgument");
    }
    promises.push_back(
        {make_checksum("sha256"), std::move(*expected),
         Error(Code::invalid_argument, "The provided 'x-amz-content-sha256' header does not match what was computed.",
               "XAmzContentSHA256Mismatch")});
  }
  if (const std::string* md5 = request.headers.find("content-md5")) {
    auto expected = from_base64(*md5);
    if (!expected || expected->size() != 16)
      return fail(Code::invalid_argument, "The Content-MD5 you specified was invalid.", "InvalidDigest");
    promises.push_back(
        {make_checksum("md5"), std::move(*expected),
         Error(Code::invalid_argument, "The Content-MD5 you specified did not match what we received.", "BadDigest")});
  }
  for (const char* name : {"crc32", "crc32c", "crc64nvme", "sha1", "sha256"}) {
    const std::string* sent = request.headers.find(fmt::format("x-amz-checksum-{}", name));
    // On CompleteMultipartUpload the header speaks of the object, not of this body.
    if (sent == nullptr || (request.method == "POST" && net::query_parameter(request, "uploadId"))) continue;
    auto expected = from_base64(*sent);
    if (!expected || expected->size() != make_checksum(name)->finish().size())
      return fail(Code::invalid_argument, fmt::format("Value for x-amz-checksum-{} header is invalid.", name),
                  "InvalidRequest");
    promises.push_back(
        {make_checksum(name), std::move(*expected),
         Error(Code::invalid_argument, fmt::format("The {} you specified did not match the calculated checksum.", name),
               "BadDigest")});
  }
  return std::unique_ptr<net::BodyReader>(
      std::make_unique<CheckedBody>(source, std::move(decoded), std::move(promises), broken_code));
}

}  // namespace millrace::aws
