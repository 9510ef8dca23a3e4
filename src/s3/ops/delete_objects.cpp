#include "s3/errors.h"
#include "s3/ops/ops.h"

namespace millrace::s3::ops {
namespace {

constexpr std::size_t kMostKeys = 1'000;

// One item: its deletion, and the leave to pass over a retention where the request asks for that.
std::vector<aws::Check> checks_of(const Value& input, const Value& item) {
  const std::string object = object_arn(bucket_of(input), key_of(item));
  std::vector<aws::Check> checks;
  if (names_version(item))
    checks.push_back({"s3:DeleteObjectVersion", object, {{"s3:versionid", {item["VersionId"].string_or()}}}});
  else
    checks.push_back({"s3:DeleteObject", object, {}});
  if (input["BypassGovernanceRetention"].bool_or(false)) checks.push_back({"s3:BypassGovernanceRetention", object, {}});
  return checks;
}

Value refusal_of(const Value& item, const std::string& why) {
  Value error = Value::object({{"Key", key_of(item)}, {"Code", "AccessDenied"}, {"Message", why}});
  if (names_version(item)) error.set("VersionId", item["VersionId"]);
  return error;
}

}  // namespace

// Each key is decided by itself: one that is refused is reported in the answer, and the others go (API reference,
// DeleteObjects).
aws::Operation delete_objects(Store& store) {
  const auto nothing_at_large = [](const aws::Call&, const Value&) { return std::vector<std::string>{}; };
  aws::Operation operation = {
      "DeleteObjects", "s3:DeleteObject", nothing_at_large,
      [&store](aws::Call& call, const Value& input) -> Result<aws::Output> {
        const Value& items = input["Delete"]["Objects"];
        if (items.empty() || items.size() > kMostKeys) {
          return malformed_xml();
        }
        std::vector<std::string> keys;
        Value errors = Value::array();
        for (std::size_t i = 0; i < items.size(); ++i) {
          const Value& item = items.items()[i];
          MR_TRY(refuse_unsupported(item));
          if (!item["ETag"].is_null() || !item["LastModifiedTime"].is_null() || !item["Size"].is_null()) {
            return error_with("NotImplemented",
                              "A condition on one of many objects is not served: delete it by itself, with If-Match.");
          }
          if (call.refused_items.at(i).empty())
            keys.push_back(key_of(item));
          else
            errors.push(refusal_of(item, call.refused_items[i]));
        }
        MR_TRY(store.remove(bucket_of(input), keys));
        Value out = Value::object();
        if (!input["Delete"]["Quiet"].bool_or(false)) {
          for (const auto& key : keys) out.child("Deleted").push(Value::object({{"Key", key}}));
        }
        out.set_if(!errors.empty(), "Errors", std::move(errors));
        return aws::Output(std::move(out));
      }};
  operation.items = [](const aws::Call&, const Value& input) {
    std::vector<std::vector<aws::Check>> items;
    for (const Value& item : input["Delete"]["Objects"].items()) items.push_back(checks_of(input, item));
    return items;
  };
  return operation;
}

}  // namespace millrace::s3::ops
