#include "s3/content.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <vector>

#include "base/encode.h"
#include "s3/errors.h"

namespace millrace::s3 {
namespace {

constexpr std::size_t kBufferBytes = 256 * 1024;

}  // namespace

ContentWriter::ContentWriter(Store& store, WantedChecksum checksum, Encryption encryption)
    : store_(store), wanted_(std::move(checksum)), encryption_(std::move(encryption)) {
  if (!wanted_.algorithm.empty() && wanted_.value.empty()) checksum_ = aws::make_checksum(wanted_.algorithm);
}

Status ContentWriter::begin() {
  if (encryption_.asked()) {
    auto made = MR_TRY(store_.keys().make(encryption_));
    encryption_.data_key = std::move(made.sealed);
    cipher_.emplace(made.key);
    chunk_.reserve(ChunkCipher::kChunkBytes);
  }
  auto created = store_.blobs().create();
  if (!created) return fail(storage_error(std::move(created).error()));
  writer_ = std::move(*created);
  return {};
}

Status ContentWriter::put(std::string_view bytes) {
  auto written = writer_->write(bytes);
  return written ? Status() : Status(fail(storage_error(std::move(written).error())));
}

Status ContentWriter::flush_chunk(bool last) {
  cipher_->seal(chunks_++, last, chunk_, sealed_);
  chunk_.clear();
  return put(sealed_);
}

// A full chunk waits until it is known whether it is the last.
Status ContentWriter::write_sealed(std::string_view bytes) {
  while (!bytes.empty()) {
    if (chunk_.size() == ChunkCipher::kChunkBytes) MR_TRY(flush_chunk(false));
    const std::size_t n = std::min(bytes.size(), ChunkCipher::kChunkBytes - chunk_.size());
    chunk_ += bytes.substr(0, n);
    bytes.remove_prefix(n);
  }
  return {};
}

Status ContentWriter::write(std::string_view bytes) {
  if (bytes.empty()) return {};
  if (!writer_) MR_TRY(begin());
  MR_TRY(cipher_ ? write_sealed(bytes) : put(bytes));
  md5_.update(bytes);
  if (checksum_) checksum_->update(bytes);
  size_ += bytes.size();
  return {};
}

Status ContentWriter::write_file(int descriptor) {
  std::vector<char> buffer(kBufferBytes);
  while (true) {
    const ssize_t n = ::read(descriptor, buffer.data(), buffer.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail(system_error("cannot read a file into S3", errno));
    if (n == 0) return {};
    MR_TRY(write({buffer.data(), static_cast<std::size_t>(n)}));
  }
}

Status ContentWriter::write_content(ContentReader& content, std::uint64_t offset, std::uint64_t length) {
  std::vector<char> buffer(kBufferBytes);
  while (length > 0) {
    const std::span<char> part(buffer.data(), static_cast<std::size_t>(std::min<std::uint64_t>(buffer.size(), length)));
    MR_TRY(content.read_exactly(offset, part));
    MR_TRY(write({part.data(), part.size()}));
    offset += part.size();
    length -= part.size();
  }
  return {};
}

Status ContentWriter::write_body(net::BodyReader& body, std::uint64_t limit) {
  const auto too_large = [] {
    return error_with("EntityTooLarge", "Your proposed upload exceeds the maximum allowed size");
  };
  if (body.length().value_or(0) > limit) return too_large();
  std::vector<char> buffer(kBufferBytes);
  while (true) {
    const std::size_t n = MR_TRY(body.read(buffer));
    if (n == 0) return {};
    if (size_ + n > limit) return too_large();
    MR_TRY(write({buffer.data(), n}));
  }
}

Result<Content> ContentWriter::finish() {
  Content content;
  content.size = size_;
  content.etag = to_hex(md5_.finish());
  if (checksum_) {
    content.checksums[wanted_.algorithm] = to_base64(checksum_->finish());
  } else if (!wanted_.value.empty()) {
    content.checksums[wanted_.algorithm] = wanted_.value;
  }
  if (writer_) {
    if (cipher_) MR_TRY(flush_chunk(true));
    auto key = writer_->commit();
    if (!key) return fail(storage_error(std::move(key).error()));
    content.blob = std::move(*key);
  }
  content.encryption = std::move(encryption_);
  return content;
}

}  // namespace millrace::s3
