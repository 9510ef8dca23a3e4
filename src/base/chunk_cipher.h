#pragma once
// Bytes sealed in chunks, so that any range can be read without the rest: AES-256-GCM with one key for one text, the
// nonce of a chunk made of its number and of whether it is the last. A chunk that is altered, moved or left out, and a
// text that is cut short, do not open. Construction: Hoang, Reyhanitabar, Rogaway, Vizár, "Online
// Authenticated-Encryption and its Nonce-Reuse Misuse-Resistance", 2015 (STREAM).

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace millrace {

class ChunkCipher {
 public:
  static constexpr std::size_t kKeyBytes = 32;
  static constexpr std::size_t kChunkBytes = 64 * 1024;  // of plain bytes, in each chunk but the last
  static constexpr std::size_t kTagBytes = 16;           // that each chunk grows by
  static constexpr std::size_t kSealedBytes = kChunkBytes + kTagBytes;

  // `key`: kKeyBytes random bytes that seal nothing else.
  explicit ChunkCipher(std::string_view key);
  ~ChunkCipher();
  ChunkCipher(ChunkCipher&&) noexcept;
  ChunkCipher& operator=(ChunkCipher&&) noexcept;

  // Each number once. `plain` has kChunkBytes bytes, or as many as are left when it is the last.
  void seal(std::uint64_t number, bool last, std::string_view plain, std::string& sealed);
  // false: this is not what was sealed as this chunk.
  bool open(std::uint64_t number, bool last, std::string_view sealed, std::string& plain);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace millrace
