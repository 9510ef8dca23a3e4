// The decoder of aws-chunked bodies: on anything, and, cut at any place, on a body that is right.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include <fmt/core.h>

#include "aws/sigv4.h"

namespace {

using namespace millrace;

// Gives its text in pieces of a size that is chosen, so that lines and chunks end in the midst of one.
class Pieces final : public net::BodyReader {
 public:
  Pieces(std::string_view text, std::size_t piece) : text_(text), piece_(piece) {}
  Result<std::size_t> read(std::span<char> buffer) override {
    const std::size_t n = std::min({text_.size(), piece_, buffer.size()});
    std::memcpy(buffer.data(), text_.data(), n);
    text_.remove_prefix(n);
    return n;
  }
  std::optional<std::uint64_t> length() const override { return std::nullopt; }

 private:
  std::string_view text_;
  std::size_t piece_;
};

constexpr std::string_view kModes[] = {"STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
                                       "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
                                       "STREAMING-UNSIGNED-PAYLOAD-TRAILER"};
constexpr std::string_view kTrailers[] = {"",
                                          "x-amz-checksum-crc32",
                                          "x-amz-checksum-crc32c",
                                          "x-amz-checksum-crc64nvme",
                                          "x-amz-checksum-sha1",
                                          "x-amz-checksum-sha256",
                                          "x-amz-checksum-none"};
constexpr std::size_t kMost = 1 << 20;

Result<std::string> decode(std::string_view body, std::string_view mode, std::string_view trailer, std::size_t length,
                           std::size_t piece) {
  net::Request request;
  request.headers.add("x-amz-decoded-content-length", std::to_string(length));
  if (!trailer.empty()) request.headers.add("x-amz-trailer", trailer);
  aws::sigv4::Claim claim;
  claim.payload_hash = std::string(mode);
  Pieces pieces(body, piece);
  const auto reader = MR_TRY(aws::sigv4::decode_chunked(request, claim, "secret", pieces));
  return reader->read_all(kMost);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 4) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 4, size - 4);
  const std::size_t piece = data[1] + 1u;
  (void)decode(text, kModes[data[0] % std::size(kModes)], kTrailers[data[2] % std::size(kTrailers)], data[3], piece);

  // The same bytes as the content of two chunks.
  const std::size_t half = text.size() * data[3] / 256;
  std::string body;
  for (const std::string_view chunk : {text.substr(0, half), text.substr(half)}) {
    if (!chunk.empty()) body += fmt::format("{:x}\r\n{}\r\n", chunk.size(), chunk);
  }
  body += "0\r\n\r\n";
  const auto whole = decode(body, kModes[2], "", text.size(), piece);
  if (!whole || *whole != text) {
    std::fprintf(stderr, "a right body is not read: %s\n", whole ? "other bytes" : whole.error().message.c_str());
    std::abort();
  }
  return 0;
}
