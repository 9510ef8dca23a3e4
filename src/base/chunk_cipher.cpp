#include "base/chunk_cipher.h"

#include <openssl/evp.h>

#include <array>
#include <cstdlib>

namespace millrace {
namespace {

constexpr std::size_t kNonceBytes = 12;

// A cipher that fails to seal leaves nothing to go on with: memory is gone or the library is broken.
void require(bool success) {
  if (!success) std::abort();
}

const EVP_CIPHER* aes_256_gcm() {
  static EVP_CIPHER* const cipher = EVP_CIPHER_fetch(nullptr, "AES-256-GCM", nullptr);
  return cipher;
}

using Nonce = std::array<unsigned char, kNonceBytes>;

// 3 bytes of zero, 1 that says whether it is the last, 8 of the number.
Nonce nonce_of(std::uint64_t number, bool last) {
  Nonce nonce{};
  nonce[3] = last ? 1 : 0;
  for (std::size_t i = 0; i < 8; ++i) nonce[4 + i] = static_cast<unsigned char>(number >> (8 * (7 - i)));
  return nonce;
}

const unsigned char* bytes_of(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }
unsigned char* bytes_of(std::string& text) { return reinterpret_cast<unsigned char*>(text.data()); }

using Context = std::unique_ptr<EVP_CIPHER_CTX, decltype(&EVP_CIPHER_CTX_free)>;

}  // namespace

// The key's schedule is computed once for each direction that is used.
struct ChunkCipher::Impl {
  std::string key;
  Context sealing{nullptr, EVP_CIPHER_CTX_free};
  Context opening{nullptr, EVP_CIPHER_CTX_free};
};

ChunkCipher::ChunkCipher(std::string_view key) : impl_(std::make_unique<Impl>()) {
  require(key.size() == kKeyBytes);
  impl_->key = key;
}
ChunkCipher::~ChunkCipher() = default;
ChunkCipher::ChunkCipher(ChunkCipher&&) noexcept = default;
ChunkCipher& ChunkCipher::operator=(ChunkCipher&&) noexcept = default;

void ChunkCipher::seal(std::uint64_t number, bool last, std::string_view plain, std::string& sealed) {
  require(last ? plain.size() <= kChunkBytes : plain.size() == kChunkBytes);
  Context& context = impl_->sealing;
  if (!context) {
    context.reset(EVP_CIPHER_CTX_new());
    require(context && EVP_EncryptInit_ex2(context.get(), aes_256_gcm(), bytes_of(impl_->key), nullptr, nullptr) == 1);
  }
  sealed.resize(plain.size() + kTagBytes);
  const Nonce nonce = nonce_of(number, last);
  int size = 0, rest = 0;
  require(EVP_EncryptInit_ex2(context.get(), nullptr, nullptr, nonce.data(), nullptr) == 1 &&
          EVP_EncryptUpdate(context.get(), bytes_of(sealed), &size, bytes_of(plain), static_cast<int>(plain.size())) ==
              1 &&
          EVP_EncryptFinal_ex(context.get(), bytes_of(sealed) + size, &rest) == 1 &&
          EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_GET_TAG, kTagBytes, bytes_of(sealed) + plain.size()) == 1);
}

bool ChunkCipher::open(std::uint64_t number, bool last, std::string_view sealed, std::string& plain) {
  plain.clear();
  if (sealed.size() < kTagBytes || sealed.size() > kSealedBytes) return false;
  Context& context = impl_->opening;
  if (!context) {
    context.reset(EVP_CIPHER_CTX_new());
    require(context && EVP_DecryptInit_ex2(context.get(), aes_256_gcm(), bytes_of(impl_->key), nullptr, nullptr) == 1);
  }
  const std::size_t length = sealed.size() - kTagBytes;
  plain.resize(length);
  std::string tag(sealed.substr(length));
  const Nonce nonce = nonce_of(number, last);
  int size = 0, rest = 0;
  const bool good =
      EVP_DecryptInit_ex2(context.get(), nullptr, nullptr, nonce.data(), nullptr) == 1 &&
      EVP_DecryptUpdate(context.get(), bytes_of(plain), &size, bytes_of(sealed), static_cast<int>(length)) == 1 &&
      EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_SET_TAG, kTagBytes, tag.data()) == 1 &&
      EVP_DecryptFinal_ex(context.get(), bytes_of(plain) + size, &rest) == 1;
  if (!good) plain.clear();  // bytes that were not verified are given to nobody
  return good;
}

}  // namespace millrace
