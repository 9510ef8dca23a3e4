#include "s3/content.h"

#include <unistd.h>

#include <cerrno>
#include <vector>

#include "base/encode.h"
#include "s3/errors.h"

namespace millrace::s3 {
namespace {

constexpr std::size_t kBufferBytes = 256 * 1024;

}  // namespace

ContentWriter::ContentWriter(blob::BlobStore& blobs, WantedChecksum checksum)
    : blobs_(blobs), wanted_(std::move(checksum)) {
  if (!wanted_.algorithm.empty() && wanted_.value.empty()) checksum_ = aws::make_checksum(wanted_.algorithm);
}

Status ContentWriter::write(std::string_view bytes) {
  if (bytes.empty()) return {};
  if (!writer_) {
    auto created = blobs_.create();
    if (!created) return fail(storage_error(std::move(created).error()));
    writer_ = std::move(*created);
  }
  if (auto written = writer_->write(bytes); !written) return fail(storage_error(std::move(written).error()));
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
    auto key = writer_->commit();
    if (!key) return fail(storage_error(std::move(key).error()));
    content.blob = std::move(*key);
  }
  return content;
}

}  // namespace millrace::s3
