#include <fmt/core.h>

#include "s3/errors.h"
#include "s3/joined_checksum.h"
#include "s3/ops/ops.h"

namespace millrace::s3::ops {
namespace {

tl::unexpected<Error> mismatch(const std::map<std::string, std::string>& wanted, std::string_view actual) {
  return error_with("InvalidRequest",
                    fmt::format("Checksum Type mismatch occurred, expected checksum Type: {}, actual checksum Type: {}",
                                wanted.begin()->first, actual));
}

}  // namespace

aws::Operation upload_part(Store& store) {
  return {"UploadPart",
          "s3:PutObject",
          on_object(),
          [&store](aws::Call& call, const Value& input) -> Result<aws::Output> {
            MR_TRY(refuse_unsupported(input));
            const int number = static_cast<int>(input["PartNumber"].int_or(0));
            const Upload upload = MR_TRY(store.upload(bucket_of(input), key_of(input), input["UploadId"].string_or()));
            const auto& wanted = upload.metadata.checksums;
            const bool sent = sends_checksum(call);
            if (!wanted.empty() && !sent && wanted.begin()->second == kComposite) return mismatch(wanted, "null");
            Content content = MR_TRY(
                read_content(store, call, upload.metadata.encryption, wanted.empty() ? "" : wanted.begin()->first));
            if (!wanted.empty() && !content.checksums.contains(wanted.begin()->first)) {
              store.discard(content.blob);
              return mismatch(wanted, content.checksums.begin()->first);
            }
            const Part part = MR_TRY(store.put_part(upload, number, std::move(content)));
            Value out = Value::object({{"ETag", quote_etag(part.etag)}});
            // The default one, that nobody asked for, is kept for the whole object alone.
            if (sent || !wanted.empty()) add_checksums(out, part.checksums);
            describe_encryption(out, part.encryption, Answer::read);
            return aws::Output(std::move(out));
          },
          {},
          write_keys(Makes::part)};
}

}  // namespace millrace::s3::ops
