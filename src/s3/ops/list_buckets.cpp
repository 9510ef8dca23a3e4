#include "s3/ops/ops.h"

namespace millrace::s3::ops {
namespace {

constexpr std::int64_t kMostBuckets = 10'000;

// All buckets there are: policies name them so, though the reference has no resource type for this action (S3 User
// Guide, "User policy examples").
std::vector<std::string> every_bucket(const aws::Call&, const Value&) { return {bucket_arn("*")}; }

}  // namespace

aws::Operation list_buckets(Store& store) {
  return {"ListBuckets", "s3:ListAllMyBuckets", every_bucket,
          [&store](aws::Call& call, const Value& input) -> Result<aws::Output> {
            const std::string prefix = input["Prefix"].string_or(), after = input["ContinuationToken"].string_or();
            const auto limit = static_cast<std::size_t>(input["MaxBuckets"].int_or(kMostBuckets));
            Value out = Value::object({{"Owner", owner(call)}});
            Value& list = out.set("Buckets", Value::array()).child("Buckets");
            std::string last;
            bool more = false;
            for (const Bucket& bucket : MR_TRY(store.buckets())) {
              if (bucket.name <= after || !bucket.name.starts_with(prefix)) continue;
              more = list.size() >= limit;
              if (more) break;
              list.push(Value::object({{"Name", bucket.name}, {"CreationDate", seconds(bucket.created)}}));
              last = bucket.name;
            }
            if (!prefix.empty()) out.set("Prefix", prefix);
            if (more) out.set("ContinuationToken", last);
            return aws::Output(std::move(out));
          }};
}

}  // namespace millrace::s3::ops
