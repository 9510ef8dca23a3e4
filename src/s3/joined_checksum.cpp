#include "s3/joined_checksum.h"

#include <array>

#include <fmt/core.h>

#include "aws/checksum.h"
#include "base/encode.h"
#include "s3/errors.h"

namespace millrace::s3 {
namespace {

struct Crc {
  std::string_view algorithm;
  std::uint64_t polynomial;  // reflected
  std::size_t bytes;
};
constexpr std::array kCrcs = {Crc{"crc32", 0xedb88320, 4}, Crc{"crc32c", 0x82f63b78, 4},
                              Crc{"crc64nvme", 0x9a6c9329ac4bc9b5, 8}};

const Crc* crc_of(std::string_view algorithm) {
  for (const Crc& crc : kCrcs) {
    if (crc.algorithm == algorithm) return &crc;
  }
  return nullptr;
}

// A linear map of registers: the image of each bit.
using Matrix = std::array<std::uint64_t, 64>;

std::uint64_t product(const Matrix& matrix, std::uint64_t vector) {
  std::uint64_t sum = 0;
  for (std::size_t bit = 0; vector != 0; ++bit, vector >>= 1) {
    if ((vector & 1) != 0) sum ^= matrix[bit];
  }
  return sum;
}

// What a register becomes when `bytes` zero bytes go through it.
std::uint64_t after_zeros(const Crc& crc, std::uint64_t value, std::uint64_t bytes) {
  Matrix step{};  // one zero bit
  step[0] = crc.polynomial;
  for (std::size_t bit = 1; bit < crc.bytes * 8; ++bit) step[bit] = 1ull << (bit - 1);
  const auto square = [&] {
    Matrix twice{};
    for (std::size_t bit = 0; bit < crc.bytes * 8; ++bit) twice[bit] = product(step, step[bit]);
    step = twice;
  };
  for (int i = 0; i < 3; ++i) square();  // eight bits
  for (; bytes != 0; bytes >>= 1) {
    if ((bytes & 1) != 0) value = product(step, value);
    square();
  }
  return value;
}

}  // namespace

Result<std::string_view> checksum_type(std::string_view algorithm, std::string_view type) {
  const bool crc = crc_of(algorithm) != nullptr;
  if ((type == kFullObject && !crc) || (type == kComposite && algorithm == "crc64nvme")) {
    return error_with(
        "InvalidRequest",
        fmt::format("The {} checksum type cannot be used with the {} checksum algorithm.", type, algorithm));
  }
  if (!type.empty()) return type == kFullObject ? kFullObject : kComposite;
  return algorithm == "crc64nvme" ? kFullObject : kComposite;
}

std::optional<std::string> joined_checksum(std::string_view algorithm, std::string_view type,
                                           const std::vector<PartChecksum>& parts) {
  const Crc* crc = crc_of(algorithm);
  const auto digest = aws::make_checksum(algorithm);
  if (digest == nullptr) return std::nullopt;
  std::uint64_t whole = 0;
  for (const PartChecksum& part : parts) {
    const auto raw = from_base64(part.value);
    if (part.value.empty() || !raw) return std::nullopt;
    digest->update(*raw);
    if (crc == nullptr) continue;
    if (raw->size() != crc->bytes) return std::nullopt;
    std::uint64_t value = 0;
    for (const char byte : *raw) value = value << 8 | static_cast<unsigned char>(byte);
    whole = after_zeros(*crc, whole, part.size) ^ value;
  }
  if (type == kComposite) return fmt::format("{}-{}", to_base64(digest->finish()), parts.size());
  if (crc == nullptr) return std::nullopt;
  std::string bytes;
  for (std::size_t i = crc->bytes; i-- > 0;) bytes += static_cast<char>(whole >> (8 * i) & 0xff);
  return to_base64(bytes);
}

}  // namespace millrace::s3
