#include <algorithm>
#include <array>

#include <fmt/core.h>

#include "s3/documents.h"
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
  // "EU" is what Ireland was called first.
  if (meant == "EU" && call.region == "eu-west-1") return {};
  return error_with("IllegalLocationConstraintException",
                    fmt::format("The {} location constraint is incompatible for the region specific endpoint this "
                                "request was sent to.",
                                wanted.empty() ? "unspecified" : wanted));
}

struct Follows {
  std::string_view member, action;
};
constexpr std::array kFollows = {Follows{"ACL", "s3:PutBucketAcl"},
                                 Follows{"GrantFullControl", "s3:PutBucketAcl"},
                                 Follows{"GrantRead", "s3:PutBucketAcl"},
                                 Follows{"GrantReadACP", "s3:PutBucketAcl"},
                                 Follows{"GrantWrite", "s3:PutBucketAcl"},
                                 Follows{"GrantWriteACP", "s3:PutBucketAcl"},
                                 Follows{"ObjectOwnership", "s3:PutBucketOwnershipControls"},
                                 Follows{"ObjectLockEnabledForBucket", "s3:PutBucketVersioning"},
                                 Follows{"ObjectLockEnabledForBucket", "s3:PutBucketObjectLockConfiguration"}};

decltype(aws::Check::keys) tag_keys(const Value& input) {
  decltype(aws::Check::keys) keys;
  std::vector<std::string> names;
  for (const Value& tag : input["CreateBucketConfiguration"]["Tags"].items()) {
    keys.push_back({"aws:RequestTag/" + tag["Key"].string_or(), {tag["Value"].string_or()}});
    names.push_back(tag["Key"].string_or());
  }
  if (!names.empty()) keys.push_back({"aws:TagKeys", std::move(names)});
  return keys;
}

// What the request sets with its bucket.
Result<std::vector<aws::Check>> more_checks(const aws::Call&, const Value& input) {
  std::vector<aws::Check> checks;
  const std::string bucket = bucket_arn(bucket_of(input));
  for (const Follows& follows : kFollows) {
    const Value& value = input[follows.member];
    if (value.is_null() || (value.is_bool() && !value.as_bool())) continue;
    const auto asked = [&](const aws::Check& check) { return check.action == follows.action; };
    if (std::ranges::none_of(checks, asked)) checks.push_back({std::string(follows.action), bucket, {}});
  }
  if (auto keys = tag_keys(input); !keys.empty()) checks.push_back({"s3:TagResource", bucket, std::move(keys)});
  return checks;
}

decltype(aws::Check::keys) keys_of(const aws::Call&, const Value& input) {
  auto keys = tag_keys(input);
  const std::string region = input["CreateBucketConfiguration"]["LocationConstraint"].string_or();
  if (!region.empty()) keys.push_back({"s3:locationconstraint", {region}});
  return keys;
}

}  // namespace

aws::Operation create_bucket(Store& store) {
  return {"CreateBucket",
          "s3:CreateBucket",
          on_bucket(),
          [&store](aws::Call& call, const Value& input) -> Result<aws::Output> {
            const std::string name = bucket_of(input);
            MR_TRY(check_bucket_name(name));
            MR_TRY(refuse_unsupported(input));
            MR_TRY(check_location(call, input));
            const Tags tags = MR_TRY(tags_from_set(input["CreateBucketConfiguration"]["Tags"], kMaxBucketTags));
            const auto made =
                store.create_bucket(name, call.region, {{std::string(kTaggingDocument), tagging_document(tags)}});
            // In the first region making one's own bucket again succeeds, as it always has there.
            if (!made && !(made.error().code == Code::already_exists && call.region == kFirstRegion)) {
              return fail(made.error());
            }
            return aws::Output(Value::object({{"Location", "/" + name}}));
          },
          more_checks,
          keys_of};
}

}  // namespace millrace::s3::ops
