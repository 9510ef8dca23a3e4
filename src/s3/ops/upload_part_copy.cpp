#include <unistd.h>

#include <cerrno>

#include <fmt/core.h>

#include "s3/errors.h"
#include "s3/ops/ops.h"

namespace millrace::s3::ops {
namespace {

constexpr std::size_t kBufferBytes = 256 * 1024;

Status copy_range(ContentWriter& writer, int file, ByteRange range) {
  std::string buffer(kBufferBytes, '\0');
  while (range.length > 0) {
    const ssize_t n = ::pread(file, buffer.data(), std::min<std::uint64_t>(buffer.size(), range.length),
                              static_cast<off_t>(range.offset));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail(system_error("cannot read the source of a copy", errno));
    if (n == 0) return fail(Code::data_loss, "an object is shorter than its record says");
    MR_TRY(writer.write(std::string_view(buffer).substr(0, static_cast<std::size_t>(n))));
    range.offset += static_cast<std::uint64_t>(n);
    range.length -= static_cast<std::uint64_t>(n);
  }
  return {};
}

}  // namespace

aws::Operation upload_part_copy(Store& store) {
  return {
      "UploadPartCopy",
      "s3:PutObject",
      on_object(),
      [&store](aws::Call&, const Value& input) -> Result<aws::Output> {
        MR_TRY(refuse_unsupported(input));
        const std::int64_t number = input["PartNumber"].int_or(0);
        if (number < 1 || number > kMaxParts) {
          return invalid_argument(fmt::format("Part number must be an integer between 1 and {}, inclusive", kMaxParts));
        }
        const Upload upload = MR_TRY(store.upload(bucket_of(input), key_of(input), input["UploadId"].string_or()));
        auto [source, file] = MR_TRY(open_copy_source(store, input));
        ByteRange range{0, source.size};
        const std::string wanted = input["CopySourceRange"].string_or();
        if (!wanted.empty()) {
          const auto part = MR_TRY(parse_range(wanted, source.size));
          if (!part) return invalid_argument("The x-amz-copy-source-range value must be of the form bytes=first-last");
          range = *part;
        }
        ContentWriter writer(store.blobs(), {});
        if (file) MR_TRY(copy_range(writer, file.get(), range));
        const Part part = MR_TRY(store.put_part(upload, static_cast<int>(number), MR_TRY(writer.finish())));
        Value result = Value::object({{"ETag", quote_etag(part.etag)}, {"LastModified", seconds(part.modified)}});
        return aws::Output(Value::object({{"CopyPartResult", std::move(result)}}));
      },
      [](const aws::Call&, const Value& input) { return copy_source_checks(input); },
      write_keys(Makes::part)};
}

}  // namespace millrace::s3::ops
