#pragma once
// Digests (OpenSSL; the EVP objects are fetched once). Digests are returned as raw bytes.

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace millrace {

using Sha256 = std::array<std::uint8_t, 32>;
using Md5 = std::array<std::uint8_t, 16>;
using Sha1 = std::array<std::uint8_t, 20>;

Sha256 sha256(std::string_view data);
std::string sha256_hex(std::string_view data);
Md5 md5(std::string_view data);
Sha1 sha1(std::string_view data);
Sha256 hmac_sha256(std::string_view key, std::string_view data);
Sha1 hmac_sha1(std::string_view key, std::string_view data);
inline std::string_view as_chars(std::span<const std::uint8_t> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}
// Compares in time that depends only on the lengths.
bool equal_constant_time(std::string_view a, std::string_view b);

enum class Digest { md5, sha1, sha256 };
class Hasher {  // incremental
 public:
  explicit Hasher(Digest digest);
  ~Hasher();
  Hasher(Hasher&&) noexcept;
  Hasher& operator=(Hasher&&) noexcept;
  void update(std::string_view data);
  std::string finish();  // raw bytes; the hasher may not be used again

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// Encryption at rest: AES-256-GCM, random 96-bit nonce, `context` is authenticated but not stored.
// key: exactly 32 bytes. Sealed text = nonce | ciphertext | tag.
std::string seal(std::string_view key, std::string_view plaintext, std::string_view context);
// Empty optional when the text was not sealed with this key and context.
bool unseal(std::string_view key, std::string_view sealed, std::string_view context, std::string& plaintext);

}  // namespace millrace
