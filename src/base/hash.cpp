#include "base/hash.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <cstdlib>
#include <cstring>
#include <utility>

#include "base/ids.h"

namespace millrace {
namespace {

constexpr std::size_t kNonceBytes = 12;
constexpr std::size_t kTagBytes = 16;
constexpr std::size_t kKeyBytes = 32;

// OpenSSL 3 looks an algorithm up at each use unless it is fetched once.
const EVP_MD* fetched(Digest digest) {
  static EVP_MD* const md5 = EVP_MD_fetch(nullptr, "MD5", nullptr);
  static EVP_MD* const sha1 = EVP_MD_fetch(nullptr, "SHA1", nullptr);
  static EVP_MD* const sha256 = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  switch (digest) {
    case Digest::md5:
      return md5;
    case Digest::sha1:
      return sha1;
    case Digest::sha256:
      return sha256;
  }
  std::abort();
}

// A digest that fails leaves nothing to go on with: memory is gone or the library is broken.
void require(bool success) {
  if (!success) std::abort();
}

template <std::size_t N>
std::array<std::uint8_t, N> one_shot(Digest digest, std::string_view data) {
  std::array<std::uint8_t, N> out{};
  unsigned size = 0;
  require(EVP_Digest(data.data(), data.size(), out.data(), &size, fetched(digest), nullptr) == 1 && size == N);
  return out;
}

const EVP_CIPHER* aes_256_gcm() {
  static EVP_CIPHER* const cipher = EVP_CIPHER_fetch(nullptr, "AES-256-GCM", nullptr);
  return cipher;
}

using CipherContext = std::unique_ptr<EVP_CIPHER_CTX, decltype(&EVP_CIPHER_CTX_free)>;

const unsigned char* bytes_of(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }
unsigned char* bytes_of(std::string& text) { return reinterpret_cast<unsigned char*>(text.data()); }

}  // namespace

Sha256 sha256(std::string_view data) { return one_shot<32>(Digest::sha256, data); }
Md5 md5(std::string_view data) { return one_shot<16>(Digest::md5, data); }
Sha1 sha1(std::string_view data) { return one_shot<20>(Digest::sha1, data); }

std::string sha256_hex(std::string_view data) {
  static constexpr char kHex[] = "0123456789abcdef";
  std::string out;
  for (const std::uint8_t byte : sha256(data)) {
    out += kHex[byte >> 4];
    out += kHex[byte & 15];
  }
  return out;
}

// RFC 2104 over the fetched digest: cheaper than an EVP_MAC context for the short texts that are signed here. All
// digests here take blocks of 64 bytes.
template <std::size_t N>
static std::array<std::uint8_t, N> hmac(Digest digest, std::string_view key, std::string_view data) {
  constexpr std::size_t kBlock = 64;
  thread_local const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
  const EVP_MD* md = fetched(digest);
  std::array<std::uint8_t, N> out{};
  unsigned size = 0;
  const auto digest_of = [&](std::string_view first, std::string_view second) {
    require(context && EVP_DigestInit_ex(context.get(), md, nullptr) == 1 &&
            EVP_DigestUpdate(context.get(), first.data(), first.size()) == 1 &&
            EVP_DigestUpdate(context.get(), second.data(), second.size()) == 1 &&
            EVP_DigestFinal_ex(context.get(), out.data(), &size) == 1);
  };
  std::array<std::uint8_t, kBlock> inner{}, outer{};
  if (key.size() > kBlock) {
    digest_of(key, {});
    std::memcpy(inner.data(), out.data(), out.size());
  } else if (!key.empty()) {
    std::memcpy(inner.data(), key.data(), key.size());
  }
  for (std::size_t i = 0; i < kBlock; ++i) {
    outer[i] = inner[i] ^ 0x5c;
    inner[i] ^= 0x36;
  }
  digest_of(as_chars(inner), data);
  digest_of(as_chars(outer), as_chars(out));
  OPENSSL_cleanse(inner.data(), inner.size());
  OPENSSL_cleanse(outer.data(), outer.size());
  return out;
}

Sha256 hmac_sha256(std::string_view key, std::string_view data) { return hmac<32>(Digest::sha256, key, data); }
Sha1 hmac_sha1(std::string_view key, std::string_view data) { return hmac<20>(Digest::sha1, key, data); }

bool equal_constant_time(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

struct Hasher::Impl {
  std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context{EVP_MD_CTX_new(), EVP_MD_CTX_free};
};

Hasher::Hasher(Digest digest) : impl_(std::make_unique<Impl>()) {
  require(impl_->context && EVP_DigestInit_ex(impl_->context.get(), fetched(digest), nullptr) == 1);
}
Hasher::~Hasher() = default;
Hasher::Hasher(Hasher&&) noexcept = default;
Hasher& Hasher::operator=(Hasher&&) noexcept = default;

void Hasher::update(std::string_view data) {
  require(EVP_DigestUpdate(impl_->context.get(), data.data(), data.size()) == 1);
}

std::string Hasher::finish() {
  std::array<unsigned char, EVP_MAX_MD_SIZE> out;
  unsigned size = 0;
  require(EVP_DigestFinal_ex(impl_->context.get(), out.data(), &size) == 1);
  return std::string(reinterpret_cast<const char*>(out.data()), size);
}

std::string seal(std::string_view key, std::string_view plaintext, std::string_view context) {
  require(key.size() == kKeyBytes);
  std::string out(kNonceBytes + plaintext.size() + kTagBytes, '\0');
  random_bytes(std::span(bytes_of(out), kNonceBytes));
  const CipherContext cipher(EVP_CIPHER_CTX_new(), EVP_CIPHER_CTX_free);
  int size = 0, rest = 0;
  require(cipher && EVP_EncryptInit_ex2(cipher.get(), aes_256_gcm(), bytes_of(key), bytes_of(out), nullptr) == 1 &&
          EVP_EncryptUpdate(cipher.get(), nullptr, &size, bytes_of(context), static_cast<int>(context.size())) == 1 &&
          EVP_EncryptUpdate(cipher.get(), bytes_of(out) + kNonceBytes, &size, bytes_of(plaintext),
                            static_cast<int>(plaintext.size())) == 1 &&
          EVP_EncryptFinal_ex(cipher.get(), bytes_of(out) + kNonceBytes + size, &rest) == 1 &&
          EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_GCM_GET_TAG, kTagBytes,
                              bytes_of(out) + kNonceBytes + plaintext.size()) == 1);
  return out;
}

bool unseal(std::string_view key, std::string_view sealed, std::string_view context, std::string& plaintext) {
  if (key.size() != kKeyBytes || sealed.size() < kNonceBytes + kTagBytes) return false;
  const std::size_t length = sealed.size() - kNonceBytes - kTagBytes;
  std::string out(length, '\0');
  std::string tag(sealed.substr(kNonceBytes + length));
  const CipherContext cipher(EVP_CIPHER_CTX_new(), EVP_CIPHER_CTX_free);
  int size = 0, rest = 0;
  const bool good =
      cipher && EVP_DecryptInit_ex2(cipher.get(), aes_256_gcm(), bytes_of(key), bytes_of(sealed), nullptr) == 1 &&
      EVP_DecryptUpdate(cipher.get(), nullptr, &size, bytes_of(context), static_cast<int>(context.size())) == 1 &&
      EVP_DecryptUpdate(cipher.get(), bytes_of(out), &size, bytes_of(sealed) + kNonceBytes, static_cast<int>(length)) ==
          1 &&
      EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_GCM_SET_TAG, kTagBytes, tag.data()) == 1 &&
      EVP_DecryptFinal_ex(cipher.get(), bytes_of(out) + size, &rest) == 1;
  if (good) plaintext = std::move(out);
  return good;
}

}  // namespace millrace
