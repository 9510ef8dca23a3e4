// aws-chunked bodies. Source: Amazon S3 API Reference, "Signature calculations for the authorization header:
// transferring payload in multiple chunks", and the same with trailing headers.
//
//   body    := chunk* last trailer* CRLF
//   chunk   := hex-size [";chunk-signature=" hex] CRLF bytes CRLF
//   last    := "0" [";chunk-signature=" hex] CRLF
//   trailer := name ":" value CRLF                 (checksum, then x-amz-trailer-signature where signed)

#include <algorithm>
#include <cstring>

#include <fmt/core.h>

#include "aws/checksum.h"
#include "aws/sigv4.h"
#include "aws/sigv4_canonical.h"
#include "base/encode.h"
#include "base/hash.h"
#include "base/strings.h"

namespace millrace::aws::sigv4 {
namespace {

constexpr std::size_t kLineLimit = 8 * 1024;
constexpr std::size_t kTrailerLimit = 16;
constexpr std::uint64_t kChunkLimit = 1ull << 30;
constexpr std::size_t kBuffer = 64 * 1024;

class ChunkedBody final : public net::BodyReader {
 public:
  ChunkedBody(const net::Request& request, const Claim& claim, std::string_view secret, net::BodyReader& source)
      : claim_(claim),
        secret_(secret),
        source_(source),
        signed_(claim.payload_hash.starts_with("STREAMING-AWS4-HMAC-SHA256-PAYLOAD")),
        trailing_(claim.payload_hash.ends_with("-TRAILER")),
        previous_(claim.signature) {
    if (const auto length = parse_int(request.headers.get("x-amz-decoded-content-length")))
      length_ = static_cast<std::uint64_t>(*length);
    std::string_view name = request.headers.get("x-amz-trailer");
    if (name.starts_with("x-amz-checksum-")) {
      trailer_ = std::string(name);
      checksum_ = make_checksum(name.substr(std::string_view("x-amz-checksum-").size()));
    }
  }

  std::optional<std::uint64_t> length() const override { return length_; }

  Result<std::size_t> read(std::span<char> out) override {
    if (out.empty() || done_) return std::size_t{0};
    if (left_ == 0) {
      MR_TRY(begin_chunk());
      if (done_) return std::size_t{0};
    }
    const std::size_t n =
        MR_TRY(take(out.subspan(0, static_cast<std::size_t>(std::min<std::uint64_t>(out.size(), left_)))));
    const std::string_view bytes(out.data(), n);
    if (signed_) hasher_.update(bytes);
    if (checksum_) checksum_->update(bytes);
    left_ -= n;
    total_ += n;
    if (left_ == 0) MR_TRY(end_chunk());
    return n;
  }

 private:
  static tl::unexpected<Error> broken() {
    return fail(Code::invalid_argument, "The body is not correctly chunked.", "IncompleteBody");
  }

  Status fill() {
    if (at_ < buffer_.size()) return {};
    buffer_.resize(kBuffer);
    const std::size_t n = MR_TRY(source_.read(std::span(buffer_.data(), buffer_.size())));
    buffer_.resize(n);
    at_ = 0;
    if (n == 0) return broken();
    return {};
  }

  Result<std::size_t> take(std::span<char> out) {
    MR_TRY(fill());
    const std::size_t n = std::min(out.size(), buffer_.size() - at_);
    std::memcpy(out.data(), buffer_.data() + at_, n);
    at_ += n;
    return n;
  }

  // Up to CRLF, which is left out.
  Result<std::string> line() {
    std::string text;
    while (true) {
      MR_TRY(fill());
      const std::size_t end = buffer_.find('\n', at_);
      text.append(buffer_, at_, end == std::string::npos ? end : end - at_);
      at_ = end == std::string::npos ? buffer_.size() : end + 1;
      if (text.size() > kLineLimit) return broken();
      if (end == std::string::npos) continue;
      if (!text.ends_with('\r')) return broken();
      text.pop_back();
      return text;
    }
  }

  Status begin_chunk() {
    const std::string head = MR_TRY(line());
    const std::size_t semicolon = head.find(';');
    const std::string_view digits = std::string_view(head).substr(0, semicolon);
    left_ = 0;
    if (digits.empty() || digits.size() > 8 ||
        digits.find_first_not_of("0123456789abcdefABCDEF") != std::string_view::npos)
      return broken();
    left_ = std::stoull(std::string(digits), nullptr, 16);
    if (left_ > kChunkLimit) return broken();
    signature_.clear();
    constexpr std::string_view kSignature = "chunk-signature=";
    if (semicolon != std::string::npos && std::string_view(head).substr(semicolon + 1).starts_with(kSignature)) {
      signature_ = head.substr(semicolon + 1 + kSignature.size());
    }
    if (signed_) hasher_ = Hasher(Digest::sha256);
    if (left_ > 0) return {};
    if (signed_) MR_TRY(check_chunk_signature());
    return finish();
  }

  Status end_chunk() {
    if (!MR_TRY(line()).empty()) return broken();
    if (signed_) MR_TRY(check_chunk_signature());
    return {};
  }

  std::string chain_text(std::string_view kind) const {
    return fmt::format("{}\n{}\n{}/{}/{}/aws4_request\n{}", kind, format_amz_date(claim_.signed_at), claim_.scope.date,
                       claim_.scope.region, claim_.scope.service, previous_);
  }

  Status check_chunk_signature() {
    const std::string text =
        chain_text("AWS4-HMAC-SHA256-PAYLOAD") + "\n" + sha256_hex("") + "\n" + to_hex(hasher_.finish());
    const std::string expected = signature_of(secret_, claim_.scope, text);
    if (!equal_constant_time(expected, signature_)) return mismatch();
    previous_ = expected;
    return {};
  }

  static tl::unexpected<Error> mismatch() {
    return fail(Code::unauthenticated, "The chunk signature we calculated does not match the signature you provided.",
                "SignatureDoesNotMatch");
  }

  Status finish() {
    std::string canonical, sent, signature;
    if (trailing_) {
      for (std::size_t i = 0;; ++i) {
        const std::string text = MR_TRY(line());
        if (text.empty()) break;
        const std::size_t colon = text.find(':');
        if (colon == std::string::npos || i >= kTrailerLimit) return broken();
        const std::string name = to_lower(trim(text.substr(0, colon)));
        const std::string value(trim(std::string_view(text).substr(colon + 1)));
        if (name == "x-amz-trailer-signature") {
          signature = value;
        } else {
          canonical += name + ":" + value + "\n";
          if (name == trailer_) sent = value;
        }
      }
      if (signed_) {
        const std::string expected =
            signature_of(secret_, claim_.scope, chain_text("AWS4-HMAC-SHA256-TRAILER") + "\n" + sha256_hex(canonical));
        if (!equal_constant_time(expected, signature)) return mismatch();
      }
    } else if (!MR_TRY(line()).empty()) {
      return broken();
    }
    done_ = true;
    if (length_ && *length_ != total_) return broken();
    if (checksum_ && to_base64(checksum_->finish()) != sent) {
      return fail(Code::invalid_argument, fmt::format("The {} you specified did not match what we received.", trailer_),
                  "BadDigest");
    }
    return {};
  }

  Claim claim_;
  std::string secret_;
  net::BodyReader& source_;
  bool signed_, trailing_, done_ = false;
  std::string previous_, signature_, trailer_, buffer_;
  std::size_t at_ = 0;
  std::optional<std::uint64_t> length_;
  std::uint64_t left_ = 0, total_ = 0;
  Hasher hasher_{Digest::sha256};
  std::unique_ptr<Checksum> checksum_;
};

}  // namespace

Result<std::unique_ptr<net::BodyReader>> decode_chunked(const net::Request& request, const Claim& claim,
                                                        std::string_view secret_access_key, net::BodyReader& source) {
  static constexpr std::string_view kModes[] = {"STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
                                                "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
                                                "STREAMING-UNSIGNED-PAYLOAD-TRAILER"};
  if (std::find(std::begin(kModes), std::end(kModes), claim.payload_hash) == std::end(kModes)) {
    return fail(Code::invalid_argument,
                fmt::format("The x-amz-content-sha256 mode {} is not supported.", claim.payload_hash),
                "InvalidRequest");
  }
  return std::unique_ptr<net::BodyReader>(std::make_unique<ChunkedBody>(request, claim, secret_access_key, source));
}

}  // namespace millrace::aws::sigv4
