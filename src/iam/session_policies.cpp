#include "iam/session_policies.h"

#include <algorithm>

#include <fmt/core.h>

#include "base/strings.h"
#include "iam/managed_policies.h"
#include "iam/policy_text.h"

namespace millrace::iam {
namespace {

// AWS packs policies and tags into a binary form that it does not describe, and refuses what fills more than its room.
// Here: the characters without white space of policies and ARNs, and those of the tags' keys and values.
constexpr std::size_t kPackedRoom = 4'096;

tl::unexpected<Error> invalid_parameter(std::string message) {
  return fail(Code::invalid_argument, std::move(message), "InvalidParameterValue");
}

Result<std::string> session_policy_text(Context& context, const std::string& arn) {
  if (const ManagedPolicy* managed = managed_policy(arn)) return std::string(managed->document);
  const auto policy = MR_TRY(context.store.find("policy", arn));
  if (policy) {
    const auto version = MR_TRY(context.store.find_link("version", arn, policy->data["default_version"].string_or()));
    if (version) return version->data;
  }
  return fail(Code::invalid_argument,
              fmt::format("The specified PolicyArn {} does not exist or is not attachable.", arn), "ValidationError");
}

Status read_tags(const Value& input, SessionRequest& request, std::size_t& packed) {
  std::vector<std::string> seen;
  const auto known = [&](const std::string& key) {
    return std::find(seen.begin(), seen.end(), to_lower(key)) != seen.end();
  };
  for (const Value& tag : input["Tags"].items()) {
    const std::string key = tag["Key"].string_or(), value = tag["Value"].string_or();
    if (known(key))
      return invalid_parameter("Duplicate tag keys found. Please note that Tag keys are case insensitive.");
    if (to_lower(key).starts_with("aws:"))
      return invalid_parameter("Tag keys that begin with 'aws:' are reserved for use by AWS.");
    if (key.size() > kSessionTagKeyMost || value.size() > kSessionTagValueMost)
      return invalid_parameter(fmt::format("The tag {} is longer than a session tag can be.", key));
    seen.push_back(to_lower(key));
    packed += key.size() + value.size();
    request.tags.emplace_back(key, value);
  }
  if (request.tags.size() > kTagsQuota)
    return invalid_parameter(fmt::format("A session can have up to {} tags.", kTagsQuota));
  for (const Value& key : input["TransitiveTagKeys"].items()) {
    if (!known(key.string_or()))
      return invalid_parameter("The specified transitive tag key must be included in the requested tags.");
    request.transitive_keys.push_back(key.string_or());
  }
  return {};
}

}  // namespace

Result<SessionRequest> read_session_request(Context& context, const Value& input) {
  SessionRequest request;
  std::size_t packed = 0, plain = 0;
  if (input["Policy"].is_string()) {
    const std::string& text = input["Policy"].as_string();
    MR_TRY(check_identity_document(text));
    plain += text.size();
    packed += significant_size(text);
    request.policies.push_back(text);
  }
  if (input["PolicyArns"].size() > kSessionPolicyArnsMost) {
    return fail(Code::invalid_argument,
                fmt::format("A session can have up to {} managed policies (PolicyArns).", kSessionPolicyArnsMost),
                "ValidationError");
  }
  for (const Value& item : input["PolicyArns"].items()) {
    const std::string arn = item["arn"].string_or();
    plain += arn.size();
    packed += arn.size();
    request.policies.push_back(MR_TRY(session_policy_text(context, arn)));
  }
  request.has_policies = !request.policies.empty();
  const std::size_t of_policies = packed;
  MR_TRY(read_tags(input, request, packed));
  if (plain > kSessionPolicyCharactersMost) {
    return fail(Code::invalid_argument,
                fmt::format("The session policy and the policy ARNs together have {} characters; {} are allowed.",
                            plain, kSessionPolicyCharactersMost),
                "PackedPolicyTooLarge");
  }
  request.packed_percent = static_cast<int>((packed * 100 + kPackedRoom - 1) / kPackedRoom);
  if (packed > kPackedRoom) {
    return fail(
        Code::invalid_argument,
        of_policies > kPackedRoom
            ? fmt::format("Packed policy consumes {}% of allotted space, please use smaller policy.",
                          request.packed_percent)
            : fmt::format("Packed size of session tags consumes {}% of allotted space.", request.packed_percent),
        "PackedPolicyTooLarge");
  }
  return request;
}

void merge_tags(Tags& tags, const Tags& more) {
  for (const auto& [key, value] : more) {
    std::erase_if(tags, [&](const auto& tag) { return equals_ignore_case(tag.first, key); });
    tags.emplace_back(key, value);
  }
}

}  // namespace millrace::iam
