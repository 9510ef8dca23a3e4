// Whom a role trusts: checked when it is set, and kept by ids.

#include <fmt/core.h>

#include "base/strings.h"
#include "iam/context.h"
#include "iam/policy/document.h"
#include "iam/policy_text.h"

namespace millrace::iam {
namespace {

tl::unexpected<Error> invalid_principal(std::string_view type, const std::string& value) {
  return fail(Code::invalid_argument, fmt::format("Invalid principal in policy: \"{}\":\"{}\"", type, value),
              "MalformedPolicyDocument");
}

// "sagemaker.amazonaws.com"; which services there are is not known here.
bool is_service(std::string_view text) {
  const bool known = text.ends_with(".amazonaws.com") || text.ends_with(".amazonaws.com.cn") ||
                     text.ends_with(".amazon.com") || text.ends_with(".aws.internal");
  return known && text.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789.-") == std::string_view::npos;
}

bool is_account(std::string_view text) {
  return text.size() == 12 && text.find_first_not_of("0123456789") == std::string_view::npos;
}

// The user or role that an ARN of this account names.
Result<std::optional<Entity>> named_by(Context& context, std::string_view resource, const std::string& arn) {
  const std::size_t first = resource.find('/'), last = resource.rfind('/');
  const std::string kind(resource.substr(0, first));
  if ((kind != "user" && kind != "role") || last == std::string_view::npos) return std::optional<Entity>();
  auto entity = MR_TRY(context.store.find(kind, std::string(resource.substr(last + 1))));
  if (!entity || entity->arn != arn) return std::optional<Entity>();
  return entity;
}

}  // namespace

Status set_trust(Context& context, Entity& role, const std::string& document) {
  const policy::Document trust = MR_TRY(policy::parse_document(document, policy::Kind::trust));
  Value ids = Value::object();
  for (const policy::Statement& statement : trust.statements) {
    for (const std::string& action : statement.actions) {
      if (!to_lower(action).starts_with("sts:")) {
        return fail(Code::invalid_argument, "AssumeRole policy may only specify STS AssumeRole actions.",
                    "MalformedPolicyDocument");
      }
    }
    for (const policy::PrincipalPattern& pattern : statement.principals) {
      if (pattern.type == "Service") {
        for (const std::string& value : pattern.values) {
          if (!is_service(value)) return invalid_principal("SERVICE", value);
        }
      }
      if (pattern.type != "AWS") continue;
      for (const std::string& value : pattern.values) {
        if (value == "*" || is_account(value)) continue;
        const auto parts = split(value, ':');
        if (parts.size() != 6 || parts[0] != "arn" || (parts[2] != "iam" && parts[2] != "sts") || !is_account(parts[4]))
          return invalid_principal("AWS", value);
        // Another account's principals, and sessions, cannot be looked up.
        if (parts[2] == "sts" || parts[4] != context.account || parts[5] == "root") continue;
        const auto entity = MR_TRY(named_by(context, parts[5], value));
        if (!entity) return invalid_principal("AWS", value);
        ids.set(value, entity->id);
      }
    }
  }
  if (significant_size(document) > kTrustPolicySizeQuota)
    return quota_exceeded("ACLSizePerRole", kTrustPolicySizeQuota);
  role.data.set("trust", document).set("trust_ids", std::move(ids));
  return {};
}

Result<std::string> trust_of(Context& context, const Entity& role) {
  std::string text = role.data["trust"].string_or();
  for (const auto& [arn, id] : role.data["trust_ids"].members()) {
    const auto entity = MR_TRY(context.store.find_by_id(id.string_or()));
    const std::string now = entity ? entity->arn : id.string_or();
    if (now == arn) continue;
    // JSON may write a slash in two ways.
    for (const std::string& written : {arn, replace_all(arn, "/", "\\/")})
      text = replace_all(std::move(text), "\"" + written + "\"", "\"" + now + "\"");
  }
  return text;
}

}  // namespace millrace::iam
