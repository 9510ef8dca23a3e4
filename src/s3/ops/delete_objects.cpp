#include "s3/errors.h"
#include "s3/ops/ops.h"

namespace millrace::s3::ops {
namespace {

constexpr std::size_t kMostKeys = 1'000;

}  // namespace

// Every key must be allowed: one that is not refuses the whole request (S3 would answer key by key).
aws::Operation delete_objects(Store& store) {
  const auto each_object = [](const aws::Call&, const Value& input) {
    std::vector<std::string> arns;
    for (const auto& item : input["Delete"]["Objects"].items()) {
      arns.push_back(object_arn(bucket_of(input), key_of(item)));
    }
    if (arns.empty()) arns.push_back(object_arn(bucket_of(input), "*"));
    return arns;
  };
  return {
      "DeleteObjects", "s3:DeleteObject", each_object, [&store](aws::Call&, const Value& input) -> Result<aws::Output> {
        const Value& items = input["Delete"]["Objects"];
        if (items.empty() || items.size() > kMostKeys) {
          return error_with("MalformedXML",
                            "The XML you provided was not well-formed or did not validate against our published "
                            "schema");
        }
        std::vector<std::string> keys;
        for (const auto& item : items.items()) {
          MR_TRY(refuse_unsupported(item));
          if (!item["ETag"].is_null() || !item["LastModifiedTime"].is_null() || !item["Size"].is_null()) {
            return error_with("NotImplemented",
                              "A condition on one of many objects is not served: delete it by itself, with If-Match.");
          }
          keys.push_back(key_of(item));
        }
        MR_TRY(store.remove(bucket_of(input), keys));
        Value out = Value::object();
        if (!input["Delete"]["Quiet"].bool_or(false)) {
          for (const auto& key : keys) out.child("Deleted").push(Value::object({{"Key", key}}));
        }
        return aws::Output(std::move(out));
      }};
}

}  // namespace millrace::s3::ops
