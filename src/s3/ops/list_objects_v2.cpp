#include "base/encode.h"
#include "s3/errors.h"
#include "s3/ops/ops.h"

namespace millrace::s3::ops {

aws::Operation list_objects_v2(Store& store) {
  return {"ListObjectsV2",
          "s3:ListBucket",
          on_bucket(),
          [&store](aws::Call& call, const Value& input) -> Result<aws::Output> {
            const std::size_t limit = page_size(input, "MaxKeys");
            const std::string start = input["StartAfter"].string_or(), token = input["ContinuationToken"].string_or();
            std::string after = start;
            if (input.has("ContinuationToken")) {
              const auto decoded = from_hex(token);
              if (!decoded || decoded->empty()) return invalid_argument("The continuation token provided is incorrect");
              after = *decoded;
            }
            const Listing listing = MR_TRY(store.list(
                bucket_of(input), {input["Prefix"].string_or(), input["Delimiter"].string_or(), after, limit}));
            Value out = Value::object();
            describe_listing(out, call, input, listing, input["FetchOwner"].bool_or(false));
            out.set("MaxKeys", static_cast<std::int64_t>(limit));
            out.set("KeyCount", static_cast<std::int64_t>(listing.objects.size() + listing.prefixes.size()));
            if (!start.empty()) out.set("StartAfter", encoded(input, start));
            if (!token.empty()) out.set("ContinuationToken", token);
            if (listing.truncated) out.set("NextContinuationToken", to_hex(listing.last));
            return aws::Output(std::move(out));
          },
          {},
          listing_keys()};
}

}  // namespace millrace::s3::ops
