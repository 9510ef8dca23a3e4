#include <fmt/core.h>

#include "base/strings.h"
#include "s3/errors.h"
#include "s3/ops/ops.h"

namespace millrace::s3::ops {
namespace {

// Unlike the range of a read, one that reaches past the end is refused.
Result<ByteRange> range_of_source(aws::Call& call, const std::string& header, std::uint64_t size) {
  if (header.empty()) return ByteRange{0, size};
  constexpr std::string_view kName = "x-amz-copy-source-range", kUnit = "bytes=";
  const std::string_view text = header;
  const std::size_t dash = text.find('-');
  const auto digits = [](std::string_view number) { return number.find_first_not_of("0123456789") == number.npos; };
  const bool formed = text.starts_with(kUnit) && dash != std::string_view::npos && dash > kUnit.size();
  const std::string_view first = formed ? text.substr(kUnit.size(), dash - kUnit.size()) : "",
                         last = formed ? text.substr(dash + 1) : "";
  const auto from = parse_int(first), to = parse_int(last);
  if (!from || !to || !digits(first) || !digits(last) || *to < *from) {
    return bad_argument(call, kName, header,
                        "The x-amz-copy-source-range value must be of the form bytes=first-last where first and last "
                        "are the zero-based offsets of the first and last bytes to copy");
  }
  if (static_cast<std::uint64_t>(*to) >= size) {
    return bad_argument(call, kName, header,
                        fmt::format("Range specified is not valid for source object of size: {}", size));
  }
  return ByteRange{static_cast<std::uint64_t>(*from), static_cast<std::uint64_t>(*to - *from + 1)};
}

}  // namespace

aws::Operation upload_part_copy(Store& store) {
  return {"UploadPartCopy",
          "s3:PutObject",
          on_object(),
          [&store](aws::Call& call, const Value& input) -> Result<aws::Output> {
            MR_TRY(refuse_unsupported(input));
            const Upload upload = MR_TRY(store.upload(bucket_of(input), key_of(input), input["UploadId"].string_or()));
            auto [source, content] = MR_TRY(open_copy_source(store, call, input));
            const ByteRange range = MR_TRY(range_of_source(call, input["CopySourceRange"].string_or(), source.size));
            const auto& wanted = upload.metadata.checksums;
            ContentWriter writer(store, {wanted.empty() ? std::string(kDefaultChecksum) : wanted.begin()->first, ""},
                                 upload.metadata.encryption);
            MR_TRY(writer.write_content(content, range.offset, range.length));
            const int number = static_cast<int>(input["PartNumber"].int_or(0));
            const Part part = MR_TRY(store.put_part(upload, number, MR_TRY(writer.finish())));
            Value result = Value::object({{"ETag", quote_etag(part.etag)}, {"LastModified", seconds(part.modified)}});
            if (!wanted.empty()) add_checksums(result, part.checksums);
            Value out = Value::object({{"CopyPartResult", std::move(result)}});
            describe_encryption(out, part.encryption, Answer::read);
            return aws::Output(std::move(out));
          },
          [](const aws::Call&, const Value& input) { return copy_source_checks(input); },
          write_keys(Makes::part)};
}

}  // namespace millrace::s3::ops
