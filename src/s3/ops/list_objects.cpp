#include "s3/ops/ops.h"

namespace millrace::s3::ops {

aws::Operation list_objects(Store& store) {
  return {"ListObjects",
          "s3:ListBucket",
          on_bucket(),
          [&store](aws::Call& call, const Value& input) -> Result<aws::Output> {
            const std::size_t limit = page_size(input, "MaxKeys");
            const std::string marker = input["Marker"].string_or();
            const Listing listing = MR_TRY(store.list(
                bucket_of(input), {input["Prefix"].string_or(), input["Delimiter"].string_or(), marker, limit}));
            Value out = Value::object();
            describe_listing(out, call, input, listing, true);
            out.set("Marker", encoded(input, marker));
            out.set("MaxKeys", static_cast<std::int64_t>(limit));
            // Without a delimiter the last key is the marker, and S3 leaves it out.
            if (listing.truncated && input.has("Delimiter")) out.set("NextMarker", encoded(input, listing.last));
            return aws::Output(std::move(out));
          },
          {},
          listing_keys()};
}

}  // namespace millrace::s3::ops
