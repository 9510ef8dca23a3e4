#pragma once
// An object's bytes, as they came in: plain from a file, or opened chunk by chunk. Any range, in any order.

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "base/chunk_cipher.h"
#include "base/file.h"
#include "base/result.h"

namespace millrace::s3 {

class ContentReader {
 public:
  ContentReader() = default;  // of an object without bytes
                              // `key`: of sealed bytes; empty for plain ones.
  ContentReader(Fd file, std::uint64_t size, const std::string& key);

  std::uint64_t size() const { return size_; }
  bool is_sealed() const { return cipher_.has_value(); }
  // Up to out.size() bytes from `offset` on; 0 at the end. Errors: data_loss for bytes that are not those that were
  // written.
  Result<std::size_t> read_at(std::uint64_t offset, std::span<char> out);
  // The same, until `out` is full. data_loss at an early end.
  Status read_exactly(std::uint64_t offset, std::span<char> out);
  Fd take_file() { return std::move(file_); }  // of plain bytes, to be sent as they are

 private:
  Result<std::size_t> read_sealed(std::uint64_t offset, std::span<char> out);
  Status open_chunk(std::uint64_t number);

  Fd file_;
  std::uint64_t size_ = 0;
  std::optional<ChunkCipher> cipher_;
  std::optional<std::uint64_t> chunk_;  // that `plain_` is of
  std::string sealed_, plain_;
};

}  // namespace millrace::s3
