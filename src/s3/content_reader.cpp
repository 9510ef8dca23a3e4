#include "s3/content_reader.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace millrace::s3 {
namespace {

// Up to out.size() bytes; fewer at the end of the file alone.
Result<std::size_t> read_file_at(int file, std::uint64_t offset, std::span<char> out) {
  std::size_t done = 0;
  while (done < out.size()) {
    const ssize_t n = ::pread(file, out.data() + done, out.size() - done, static_cast<off_t>(offset + done));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail(system_error("cannot read an object", errno));
    if (n == 0) break;
    done += static_cast<std::size_t>(n);
  }
  return done;
}

}  // namespace

ContentReader::ContentReader(Fd file, std::uint64_t size, const std::string& key)
    : file_(std::move(file)), size_(size) {
  if (!key.empty()) cipher_.emplace(key);
}

Result<std::size_t> ContentReader::read_at(std::uint64_t offset, std::span<char> out) {
  if (offset >= size_) return std::size_t{0};
  out = out.subspan(0, static_cast<std::size_t>(std::min<std::uint64_t>(out.size(), size_ - offset)));
  if (out.empty()) return std::size_t{0};
  if (cipher_) return read_sealed(offset, out);
  const std::size_t n = MR_TRY(read_file_at(file_.get(), offset, out));
  if (n == 0) return fail(Code::data_loss, "an object is shorter than its record says");
  return n;
}

Status ContentReader::read_exactly(std::uint64_t offset, std::span<char> out) {
  while (!out.empty()) {
    const std::size_t n = MR_TRY(read_at(offset, out));
    if (n == 0) return fail(Code::data_loss, "an object is shorter than its record says");
    offset += n;
    out = out.subspan(n);
  }
  return {};
}

Result<std::size_t> ContentReader::read_sealed(std::uint64_t offset, std::span<char> out) {
  std::size_t done = 0;
  while (done < out.size()) {
    const std::uint64_t at = offset + done;
    MR_TRY(open_chunk(at / ChunkCipher::kChunkBytes));
    const std::size_t skip = static_cast<std::size_t>(at % ChunkCipher::kChunkBytes);
    const std::size_t n = std::min(plain_.size() - skip, out.size() - done);
    std::copy_n(plain_.data() + skip, n, out.data() + done);
    done += n;
  }
  return done;
}

Status ContentReader::open_chunk(std::uint64_t number) {
  if (chunk_ == number) return {};
  chunk_.reset();
  const std::uint64_t begin = number * ChunkCipher::kChunkBytes;
  const std::uint64_t length = std::min<std::uint64_t>(ChunkCipher::kChunkBytes, size_ - begin);
  sealed_.resize(static_cast<std::size_t>(length) + ChunkCipher::kTagBytes);
  const std::size_t n = MR_TRY(read_file_at(file_.get(), number * ChunkCipher::kSealedBytes, sealed_));
  const bool last = begin + length == size_;
  if (n != sealed_.size() || !cipher_->open(number, last, sealed_, plain_) || plain_.size() != length)
    return fail(Code::data_loss, "the bytes of an encrypted object are not those that were written");
  chunk_ = number;
  return {};
}

}  // namespace millrace::s3
