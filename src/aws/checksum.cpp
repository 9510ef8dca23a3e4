#include "aws/checksum.h"

#include <array>
#include <cstring>

#include "base/hash.h"

namespace millrace::aws {
namespace {

// Eight tables: eight bytes a step (M. Kounavis and F. Berry, "A systematic approach to building high performance
// software-based CRC generators", 2005).
template <class Word, Word Polynomial>
class Crc final : public Checksum {
 public:
  void update(std::string_view bytes) override {
    const auto& t = tables();
    const char* p = bytes.data();
    std::size_t n = bytes.size();
    Word crc = crc_;
    for (; n >= 8; n -= 8, p += 8) {
      std::uint64_t block = 0;
      std::memcpy(&block, p, 8);
      block ^= static_cast<std::uint64_t>(crc);
      crc = 0;
      for (std::size_t i = 0; i < 8; ++i) crc ^= t[7 - i][block >> (8 * i) & 0xff];
    }
    for (; n > 0; --n, ++p) {
      crc = static_cast<Word>(t[0][(crc ^ static_cast<unsigned char>(*p)) & 0xff] ^ static_cast<Word>(crc >> 8));
    }
    crc_ = crc;
  }
  std::string finish() override {
    const Word value = static_cast<Word>(~crc_);
    std::string out;
    for (std::size_t i = sizeof(Word); i-- > 0;) out += static_cast<char>(value >> (8 * i) & 0xff);
    return out;
  }

 private:
  using Tables = std::array<std::array<Word, 256>, 8>;
  static const Tables& tables() {
    static const Tables made = [] {
      Tables t{};
      for (std::size_t i = 0; i < 256; ++i) {
        Word crc = static_cast<Word>(i);
        for (int bit = 0; bit < 8; ++bit)
          crc = (crc & 1) != 0 ? static_cast<Word>(crc >> 1 ^ Polynomial) : static_cast<Word>(crc >> 1);
        t[0][i] = crc;
      }
      for (std::size_t k = 1; k < 8; ++k) {
        for (std::size_t i = 0; i < 256; ++i) t[k][i] = static_cast<Word>(t[k - 1][i] >> 8 ^ t[0][t[k - 1][i] & 0xff]);
      }
      return t;
    }();
    return made;
  }
  Word crc_ = static_cast<Word>(~Word{0});
};

class DigestChecksum final : public Checksum {
 public:
  explicit DigestChecksum(Digest digest) : hasher_(digest) {}
  void update(std::string_view bytes) override { hasher_.update(bytes); }
  std::string finish() override { return hasher_.finish(); }

 private:
  Hasher hasher_;
};

}  // namespace

std::unique_ptr<Checksum> make_checksum(std::string_view name) {
  if (name == "crc32") return std::make_unique<Crc<std::uint32_t, 0xedb88320u>>();
  if (name == "crc32c") return std::make_unique<Crc<std::uint32_t, 0x82f63b78u>>();
  if (name == "crc64nvme") return std::make_unique<Crc<std::uint64_t, 0x9a6c9329ac4bc9b5ull>>();
  if (name == "sha1") return std::make_unique<DigestChecksum>(Digest::sha1);
  if (name == "sha256") return std::make_unique<DigestChecksum>(Digest::sha256);
  if (name == "md5") return std::make_unique<DigestChecksum>(Digest::md5);
  return nullptr;
}

}  // namespace millrace::aws
