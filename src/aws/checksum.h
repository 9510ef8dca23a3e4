#pragma once
// The checksums that S3 knows: CRC32, CRC32C, CRC64NVME, SHA1, SHA256, MD5, incrementally.
// Polynomials (reflected): CRC32 edb88320 (IEEE 802.3), CRC32C 82f63b78 (RFC 3720), CRC64NVME 9a6c9329ac4bc9b5 (NVMe
// base specification).

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace millrace::aws {

class Checksum {
 public:
  virtual ~Checksum() = default;
  virtual void update(std::string_view bytes) = 0;
  virtual std::string finish() = 0;  // raw bytes, big-endian for the CRCs
};

// "crc32", "crc32c", "crc64nvme", "sha1", "sha256", "md5"; nullptr for any other name.
std::unique_ptr<Checksum> make_checksum(std::string_view name);

}  // namespace millrace::aws
