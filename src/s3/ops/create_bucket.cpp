#include <fmt/core.h>

#include "s3/errors.h"
#include "s3/names.h"
#include "s3/ops/ops.h"

namespace millrace::s3::ops {
namespace {

constexpr std::string_view kFirstRegion = "us-east-1";  // the one that is not named in a constraint

Status check_location(const aws::Call& call, const Value& input) {
  const std::string wanted = input["CreateBucketConfiguration"]["LocationConstraint"].string_or();
  const std::string meant = wanted.empty() ? std::string(kFirstRegion) : wanted;
  if (meant == call.region) return {};
  return error_with("IllegalLocationConstraintException",
                    fmt::format("The {} location constraint is incompatible for the region specific endpoint this "
                                "request was sent to.",
                                wanted.empty() ? "unspecified" : wanted));
}

}  // namespace

aws::Operation create_bucket(Store& store) {
  return {"CreateBucket", "s3:CreateBucket", on_bucket(),
          [&store](aws::Call& call, const Value& input) -> Result<aws::Output> {
            const std::string name = bucket_of(input);
            MR_TRY(check_bucket_name(name));
            MR_TRY(refuse_unsupported(input));
            MR_TRY(check_location(call, input));
            const auto made = store.create_bucket(name, call.region, "");
            // In the first region making one's own bucket again succeeds, as it always has there.
            if (!made && !(made.error().code == Code::already_exists && call.region == kFirstRegion)) {
              return fail(made.error());
            }
            return aws::Output(Value::object({{"Location", "/" + name}}));
          }};
}

}  // namespace millrace::s3::ops
