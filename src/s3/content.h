#pragma once
// Bytes on their way into a blob, hashed as they pass.

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "aws/checksum.h"
#include "base/hash.h"
#include "base/result.h"
#include "blob/blob_store.h"
#include "net/http.h"
#include "s3/store.h"

namespace millrace::s3 {

constexpr std::uint64_t kMaxObjectBytes = 5ull << 30;  // of one PUT, and of one part
constexpr int kMaxParts = 10'000;

// The checksum to keep beside the bytes. One that came in a header was promised by the sender, and the gateway checks
// it as the body's last byte is read; otherwise it is computed here.
struct WantedChecksum {
  std::string algorithm;  // "crc32", "sha256"…; empty: none
  std::string value;      // base64; empty: to be computed
};

class ContentWriter {
 public:
  // `encryption` asks for sealed bytes, or for none: they are written as they come.
  ContentWriter(Store& store, WantedChecksum checksum, Encryption encryption);
  // EntityTooLarge past `limit`.
  Status write(std::string_view bytes);
  Status write_file(int descriptor);  // from its present offset to its end
  Status write_content(ContentReader& content, std::uint64_t offset, std::uint64_t length);
  Status write_body(net::BodyReader& body, std::uint64_t limit = kMaxObjectBytes);
  // Durable.
  Result<Content> finish();

 private:
  Status begin();
  Status write_sealed(std::string_view bytes);
  Status flush_chunk(bool last);
  Status put(std::string_view bytes);

  Store& store_;
  const WantedChecksum wanted_;
  Encryption encryption_;
  std::optional<ChunkCipher> cipher_;
  std::string chunk_;                     // plain bytes that are still to be sealed: up to a chunk
  std::string sealed_;                    // the last chunk, kept for its memory
  std::uint64_t chunks_ = 0;              // sealed
  std::unique_ptr<blob::Writer> writer_;  // from the first byte on
  Hasher md5_{Digest::md5};
  std::unique_ptr<aws::Checksum> checksum_;  // while it is computed
  std::uint64_t size_ = 0;
};

}  // namespace millrace::s3
