#include "iam/ops/sources.h"

#include <fmt/core.h>

#include "iam/managed_policies.h"

namespace millrace::iam {
namespace {

Status collect(Context& context, const std::string& kind, const std::string& owner, std::vector<Source>& sources) {
  for (const Link& link : MR_TRY(context.store.links_of("inline-" + kind, owner)))
    sources.push_back({link.target, kind, link.data, "", kind, owner});
  for (const Link& link : MR_TRY(context.store.links_of("attached-" + kind, owner))) {
    const std::string text = MR_TRY(managed_text(context, link.target));
    const bool ours = managed_policy(link.target) == nullptr;
    sources.push_back({link.target.substr(link.target.rfind('/') + 1), ours ? "user-managed" : "aws-managed", text,
                       link.target, kind, owner});
  }
  return {};
}

}  // namespace

Result<std::string> managed_text(Context& context, const std::string& arn) {
  if (const ManagedPolicy* managed = managed_policy(arn)) return std::string(managed->document);
  const Entity policy = MR_TRY(context.find_or_fail("policy", arn));
  const auto version = MR_TRY(context.store.find_link("version", arn, policy.data["default_version"].string_or()));
  return version ? version->data : std::string();
}

Result<Identity> identity_of(Context& context, const std::string& arn) {
  const std::string prefix = "arn:aws:iam::" + context.account + ":";
  const std::size_t slash = arn.find('/'), last = arn.rfind('/');
  if (!arn.starts_with("arn:") || slash == std::string::npos || slash < prefix.size())
    return invalid_input(fmt::format("ARN {} is not valid.", arn));
  const std::string kind = arn.substr(prefix.size(), slash - prefix.size());
  if (arn.starts_with(prefix) && (kind == "user" || kind == "group" || kind == "role")) {
    auto entity = MR_TRY(context.store.find(kind, arn.substr(last + 1)));
    if (entity && entity->arn == arn) return Identity{kind, std::move(*entity)};
    return no_such_entity(fmt::format("The {} with name {} cannot be found.", kind, arn.substr(last + 1)));
  }
  return invalid_input(fmt::format("{} is not the ARN of a user, group or role of this account.", arn));
}

Result<std::vector<Source>> sources_of(Context& context, const Identity& identity) {
  std::vector<Source> sources;
  MR_TRY(collect(context, identity.kind, identity.entity.name, sources));
  if (identity.kind == "user") {
    for (const Link& membership : MR_TRY(context.store.links_to("member", identity.entity.name)))
      MR_TRY(collect(context, "group", membership.owner, sources));
  }
  return sources;
}

}  // namespace millrace::iam
