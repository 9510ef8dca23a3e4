#include "s3/ops/ops.h"

namespace millrace::s3::ops {

void describe_listing(Value& out, const aws::Call& call, const Value& input, const Listing& listing, bool with_owner) {
  out.set("Name", bucket_of(input));
  out.set("Prefix", encoded(input, input["Prefix"].string_or()));
  out.set("IsTruncated", listing.truncated);
  for (const char* member : {"Delimiter", "EncodingType"}) {
    const std::string value = input[member].string_or();
    if (!value.empty()) out.set(member, member == std::string_view("Delimiter") ? encoded(input, value) : value);
  }
  for (const Object& object : listing.objects) {
    Value item = Value::object({{"Key", encoded(input, object.key)},
                                {"LastModified", seconds(object.modified)},
                                {"ETag", quote_etag(object.etag)},
                                {"Size", object.size},
                                {"StorageClass", "STANDARD"}});
    if (const auto space = object.checksum_kind.find(' '); space != std::string::npos) {
      Value& algorithms = item.set("ChecksumAlgorithm", Value::array()).child("ChecksumAlgorithm");
      algorithms.push(object.checksum_kind.substr(0, space));
      item.set("ChecksumType", object.checksum_kind.substr(space + 1));
    }
    if (with_owner) item.set("Owner", owner(call));
    out.child("Contents").push(std::move(item));
  }
  for (const std::string& prefix : listing.prefixes) {
    out.child("CommonPrefixes").push(Value::object({{"Prefix", encoded(input, prefix)}}));
  }
}

aws::ConditionKeys listing_keys() {
  return [](const aws::Call&, const Value& input) {
    std::vector<std::pair<std::string, std::vector<std::string>>> keys;
    const auto add = [&](const char* key, std::string value) { keys.push_back({key, {std::move(value)}}); };
    if (input.has("Prefix")) add("s3:prefix", input["Prefix"].string_or());
    if (input.has("Delimiter")) add("s3:delimiter", input["Delimiter"].string_or());
    if (input["MaxKeys"].is_number()) add("s3:max-keys", std::to_string(input["MaxKeys"].as_int()));
    return keys;
  };
}

}  // namespace millrace::s3::ops
