#include "logs/ops/tagging.h"

#include "base/strings.h"

namespace millrace::logs::ops {

Result<std::string> tagged_group(const aws::Call& call, const Value& input) {
  if (input.has("logGroupName")) return input["logGroupName"].string_or();
  constexpr std::string_view kGroup = "log-group:";
  const std::string arn = input["resourceArn"].string_or();
  const auto parts = split(arn, ':');  // arn:aws:logs:region:account:log-group:name
  const bool formed = parts.size() == 7 && parts[0] == "arn" && parts[2] == "logs" && parts[5] == "log-group";
  if (!formed || parts[6].empty() || parts[6] == "*")
    return invalid_parameter(
        "The resourceArn is not the ARN of a log group: arn:aws:logs:region:account:log-group:name");
  const std::string own = group_arn(call, "");
  if (!arn.starts_with(own))
    return fail(Code::not_found, "The specified resource does not exist.", "ResourceNotFoundException");
  return arn.substr(arn.find(kGroup) + kGroup.size());
}

aws::Resources on_tagged() {
  return
      [](const aws::Call&, const Value& input) { return std::vector<std::string>{input["resourceArn"].string_or()}; };
}

aws::Resources on_tagged_group() { return on_group(); }

decltype(aws::Check::keys) tag_keys(const Value& tags) {
  decltype(aws::Check::keys) keys;
  std::vector<std::string> names;
  for (const auto& [name, value] : tags.members()) {
    keys.push_back({"aws:RequestTag/" + name, {value.string_or()}});
    names.push_back(name);
  }
  if (!names.empty()) keys.push_back({"aws:TagKeys", std::move(names)});
  return keys;
}

Status check_tags(const Value& tags) {
  for (const auto& [name, value] : tags.members()) {
    if (to_lower(name).starts_with("aws:"))
      return invalid_parameter("Tag keys that begin with aws: are reserved for AWS's own use.");
  }
  return {};
}

}  // namespace millrace::logs::ops
