#include <fmt/core.h>

#include "s3/errors.h"
#include "s3/ops/ops.h"

namespace millrace::s3::ops {

aws::Operation get_object(Store& store) {
  return with_version({"GetObject", "s3:GetObject", on_object(),
                       [&store](aws::Call&, const Value& input) -> Result<aws::Output> {
                         MR_TRY(refuse_unsupported(input));
                         auto [object, file] = MR_TRY(store.open_object(bucket_of(input), key_of(input)));
                         MR_TRY(check_part_number(input, object));
                         aws::Output out;
                         describe_object(out.members, object, input);
                         out.response.emplace();
                         switch (evaluate(read_conditions(input, ""), object.etag, object.modified)) {
                           case Verdict::failed:
                             return precondition_failed();
                           case Verdict::not_modified:
                             out.response->status = 304;
                             return out;
                           case Verdict::go_on:
                             break;
                         }
                         ByteRange range{0, object.size};
                         if (const auto part = MR_TRY(parse_range(input["Range"].string_or(), object.size))) {
                           range = *part;
                           out.response->status = 206;
                           out.members.set("ContentRange", fmt::format("bytes {}-{}/{}", range.offset,
                                                                       range.offset + range.length - 1, object.size));
                           for (const char* whole : {"ChecksumCRC32", "ChecksumCRC32C", "ChecksumCRC64NVME",
                                                     "ChecksumSHA1", "ChecksumSHA256", "ChecksumType"}) {
                             out.members.erase(whole);  // of the object, not of this part of it
                           }
                         }
                         out.members.set("ContentLength", range.length);
                         if (file) out.response->file = net::FileBody{std::move(file), range.offset, range.length};
                         return out;
                       }},
                      "s3:GetObjectVersion");
}

}  // namespace millrace::s3::ops
