#include "sagemaker/ops/requests.h"

#include <set>

#include <fmt/core.h>

#include "s3/s3.h"
#include "sagemaker/errors.h"

namespace millrace::sagemaker {
namespace {
constexpr std::size_t kMaxTags = 50;
}

Result<Tags> parse_tags(const Value& list) {
  Tags tags;
  std::set<std::string> seen;
  for (const auto& item : list.items()) {
    const std::string key = item["Key"].string_or();
    if (key.starts_with("aws:")) {
      return validation_error("Tag keys that begin with aws: are reserved for AWS.");
    }
    if (!seen.insert(key).second) {
      return validation_error(fmt::format("Duplicate tag keys found: {}. Please remove duplicate tag keys.", key));
    }
    tags.emplace_back(key, item["Value"].string_or());
  }
  if (tags.size() > kMaxTags) return validation_error(fmt::format("A resource can have at most {} tags.", kMaxTags));
  return tags;
}

Value tags_to_list(const Tags& tags) {
  Value list = Value::array();
  for (const auto& [key, value] : tags) list.push(Value::object({{"Key", key}, {"Value", value}}));
  return list;
}

Status check_instances(const Value& type, const Value& count, std::string_view usage, std::int64_t limit) {
  const std::int64_t wanted = count.int_or(1);
  if (wanted <= limit) return {};
  return limit_exceeded(fmt::format(
      "The account-level service limit '{} for {} usage' is {} Instances, with current utilization of 0 "
      "Instances and a request delta of {} Instances. {}",
      type.string_or("instance"), usage, limit, wanted,
      limit == 1 ? "This machine is the only instance there is." : "Instances are processes of this machine."));
}

Status check_isolation(const Value& instances, const Value& isolated) {
  if (instances.int_or(1) <= 1 || !isolated.bool_or(false)) return {};
  return validation_error(
      "EnableNetworkIsolation with several instances is not supported here; give InstanceCount 1, or leave it out.");
}

Status check_s3_uri(std::string_view member, const Value& uri) {
  if (auto parsed = s3::parse_uri(uri.string_or()); !parsed || parsed->bucket.empty()) {
    return validation_error(
        fmt::format("{} \"{}\" is not an S3 URI of the form s3://bucket/key.", member, uri.string_or()));
  }
  return {};
}

}  // namespace millrace::sagemaker
