#include <algorithm>
#include <array>

#include "s3/ops/ops.h"

namespace millrace::s3::ops {
namespace {

bool sets(const Value& input, std::string_view member) {
  const Value* value = input.find(member);
  return value != nullptr && !value->is_null();
}

struct Follows {
  std::string_view member, action;
};
constexpr std::array kFollows = {Follows{"Tagging", "s3:PutObjectTagging"},
                                 Follows{"ACL", "s3:PutObjectAcl"},
                                 Follows{"GrantFullControl", "s3:PutObjectAcl"},
                                 Follows{"GrantRead", "s3:PutObjectAcl"},
                                 Follows{"GrantReadACP", "s3:PutObjectAcl"},
                                 Follows{"GrantWriteACP", "s3:PutObjectAcl"},
                                 Follows{"ObjectLockMode", "s3:PutObjectRetention"},
                                 Follows{"ObjectLockRetainUntilDate", "s3:PutObjectRetention"},
                                 Follows{"ObjectLockLegalHoldStatus", "s3:PutObjectLegalHold"}};

// Tags that cannot be read are refused by the handler, with a sentence of their own.
Tags header_tags(const Value& input) {
  auto tags = tags_from_header(input["Tagging"].string_or());
  return tags ? std::move(*tags) : Tags();
}

}  // namespace

decltype(aws::Check::keys) request_tag_keys(const Tags& tags) {
  decltype(aws::Check::keys) keys;
  std::vector<std::string> names;
  for (const auto& [name, value] : tags) {
    keys.push_back({"s3:RequestObjectTag/" + name, {value}});
    names.push_back(name);
  }
  if (!names.empty()) keys.push_back({"s3:RequestObjectTagKeys", std::move(names)});
  return keys;
}

void add_write_checks(std::vector<aws::Check>& checks, const Value& input) {
  const std::string object = object_arn(bucket_of(input), key_of(input));
  for (const Follows& follows : kFollows) {
    if (!sets(input, follows.member)) continue;
    const bool tagging = follows.member == "Tagging";
    if (tagging && input["Tagging"].string_or().empty()) continue;
    const auto asked = [&](const aws::Check& check) { return check.action == follows.action; };
    if (std::ranges::any_of(checks, asked)) continue;
    checks.push_back({std::string(follows.action), object,
                      tagging ? request_tag_keys(header_tags(input)) : decltype(aws::Check::keys){}});
  }
}

aws::MoreChecks write_checks() {
  return [](const aws::Call&, const Value& input) -> Result<std::vector<aws::Check>> {
    std::vector<aws::Check> checks;
    add_write_checks(checks, input);
    return checks;
  };
}

aws::ConditionKeys write_keys(Makes makes) {
  return [makes](const aws::Call&, const Value& input) {
    auto keys = request_tag_keys(header_tags(input));
    keys.push_back({"s3:ObjectCreationOperation", {makes == Makes::object ? "true" : "false"}});
    if (sets(input, "IfMatch")) keys.push_back({"s3:if-match", {input["IfMatch"].string_or()}});
    if (sets(input, "IfNoneMatch")) keys.push_back({"s3:if-none-match", {input["IfNoneMatch"].string_or()}});
    return keys;
  };
}

bool names_version(const Value& input) { return !input["VersionId"].string_or().empty(); }

aws::Operation with_version(aws::Operation operation, aws::IamAction versioned) {
  operation.chosen_action = [current = operation.action, versioned](const Value& input) {
    return names_version(input) ? versioned : current;
  };
  operation.keys = [keys = std::move(operation.keys)](const aws::Call& call, const Value& input) {
    auto all = keys ? keys(call, input) : decltype(aws::Check::keys){};
    if (names_version(input)) all.push_back({"s3:versionid", {input["VersionId"].string_or()}});
    return all;
  };
  return operation;
}

}  // namespace millrace::s3::ops
