#include "iam/authoriser.h"

#include <fmt/core.h>

#include "base/strings.h"
#include "iam/managed_policies.h"

namespace millrace::iam {
namespace {

constexpr std::size_t kDocumentsCached = 4096;
constexpr std::size_t kPrincipalsCached = 4096;

policy::Requester requester_of(const aws::Principal& principal) {
  policy::Requester requester;
  switch (principal.kind) {
    case aws::Principal::Kind::anonymous:
      requester.kind = policy::Requester::Kind::anonymous;
      break;
    case aws::Principal::Kind::root:
      requester.kind = policy::Requester::Kind::root;
      break;
    case aws::Principal::Kind::user:
      requester.kind = policy::Requester::Kind::user;
      break;
    case aws::Principal::Kind::assumed_role:
      requester.kind = policy::Requester::Kind::assumed_role;
      break;
    case aws::Principal::Kind::service:
      requester.kind = policy::Requester::Kind::service;
      break;
  }
  requester.account = principal.account;
  requester.arn = principal.arn;
  requester.role_arn = principal.role_arn;
  return requester;
}

std::string_view principal_type(aws::Principal::Kind kind) {
  switch (kind) {
    case aws::Principal::Kind::anonymous:
      return "Anonymous";
    case aws::Principal::Kind::root:
      return "Account";
    case aws::Principal::Kind::user:
      return "User";
    case aws::Principal::Kind::assumed_role:
      return "AssumedRole";
    case aws::Principal::Kind::service:
      return "AWSService";
  }
  return "Anonymous";
}

// "arn:aws:s3:::bucket/key" → "s3".
std::string_view service_of(std::string_view arn) {
  const auto parts = split(arn, ':');
  return parts.size() > 2 ? parts[2] : std::string_view();
}

std::string_view account_of(std::string_view arn) {
  const auto parts = split(arn, ':');
  return parts.size() > 4 ? parts[4] : std::string_view();
}

std::string_view words(policy::PolicyKind kind) {
  switch (kind) {
    case policy::PolicyKind::identity:
      return "identity-based policy";
    case policy::PolicyKind::resource:
      return "resource-based policy";
    case policy::PolicyKind::boundary:
      return "permissions boundary";
    case policy::PolicyKind::session:
      return "session policy";
  }
  return "policy";
}

std::string denial(const aws::Principal& principal, const aws::Check& check, const policy::Decision& decision) {
  if (principal.kind == aws::Principal::Kind::anonymous) return "Access Denied";
  std::string text = fmt::format("User: {} is not authorized to perform: {}", principal.arn, check.action);
  if (check.resource != "*") text += fmt::format(" on resource: {}", check.resource);
  if (decision.explicitly_denied)
    return text + fmt::format(" with an explicit deny in {} {}",
                              decision.decided_by == policy::PolicyKind::identity ? "an" : "a",
                              words(decision.decided_by));
  return text + fmt::format(" because no {} allows the {} action", words(decision.decided_by), check.action);
}

}  // namespace

Result<Decider::Parsed> Decider::parsed(const std::string& text, policy::Kind kind) {
  const std::string id = std::to_string(static_cast<int>(kind)) + text;
  {
    const std::lock_guard lock(mutex_);
    if (const auto found = documents_.find(id); found != documents_.end()) return found->second;
  }
  Parsed document = std::make_shared<policy::Document>(MR_TRY(policy::parse_document(text, kind)));
  const std::lock_guard lock(mutex_);
  if (documents_.size() >= kDocumentsCached) documents_.clear();
  documents_.emplace(id, document);
  return document;
}

Result<std::string> Decider::managed_text(const std::string& arn) {
  if (const ManagedPolicy* managed = managed_policy(arn)) return std::string(managed->document);
  const auto policy = MR_TRY(context_.store.find("policy", arn));
  if (!policy) return std::string();
  const auto version = MR_TRY(context_.store.find_link("version", arn, policy->data["default_version"].string_or()));
  return version ? version->data : std::string();
}

Status Decider::collect(const std::string& owner_kind, const std::string& owner, Held& held) {
  for (const Link& link : MR_TRY(context_.store.links_of("attached-" + owner_kind, owner))) {
    const std::string text = MR_TRY(managed_text(link.target));
    if (!text.empty()) held.identity.emplace_back(link.target, MR_TRY(parsed(text, policy::Kind::identity)));
  }
  for (const Link& link : MR_TRY(context_.store.links_of("inline-" + owner_kind, owner))) {
    held.identity.emplace_back(fmt::format("inline policy {} of {} {}", link.target, owner_kind, owner),
                               MR_TRY(parsed(link.data, policy::Kind::identity)));
  }
  return {};
}

Result<std::shared_ptr<const Decider::Held>> Decider::held_by(const aws::Principal& principal) {
  const bool user = principal.kind == aws::Principal::Kind::user;
  const std::string id = (user ? "u/" : "r/") + principal.name;
  const std::uint64_t generation = context_.store.generation();
  {
    const std::lock_guard lock(mutex_);
    if (const auto found = held_.find(id); found != held_.end() && found->second.first == generation)
      return found->second.second;
  }
  auto held = std::make_shared<Held>();
  const std::string kind = user ? "user" : "role";
  MR_TRY(collect(kind, principal.name, *held));
  if (user) {
    for (const Link& membership : MR_TRY(context_.store.links_to("member", principal.name)))
      MR_TRY(collect("group", membership.owner, *held));
  }
  if (const auto entity = MR_TRY(context_.store.find(kind, principal.name)); entity && entity->data.has("boundary")) {
    const std::string arn = entity->data["boundary"].string_or();
    const std::string text = MR_TRY(managed_text(arn));
    if (!text.empty()) held->boundary.emplace_back(arn, MR_TRY(parsed(text, policy::Kind::identity)));
  }
  const std::lock_guard lock(mutex_);
  if (held_.size() >= kPrincipalsCached) held_.clear();
  held_[id] = {generation, held};
  return std::shared_ptr<const Held>(held);
}

policy::Question Decider::question_of(const aws::Call& call, const aws::Check& check) const {
  const aws::Principal& principal = call.principal;
  policy::Question question;
  question.requester = requester_of(principal);
  question.action = check.action;
  question.resource = check.resource;
  question.resource_account = std::string(account_of(check.resource));
  if (question.resource_account == "aws") question.resource_account.clear();
  policy::Context& keys = question.context;
  const auto set = [&](const char* key, std::string value) {
    if (!value.empty()) keys[key] = {std::move(value)};
  };
  set("aws:CurrentTime", format_rfc3339(call.now));
  set("aws:EpochTime", std::to_string(to_epoch_ms(call.now) / 1000));
  set("aws:RequestedRegion", call.region);
  set("aws:PrincipalType", std::string(principal_type(principal.kind)));
  if (principal.kind != aws::Principal::Kind::anonymous) {
    set("aws:PrincipalArn", principal.role_arn.empty() ? principal.arn : principal.role_arn);
    set("aws:PrincipalAccount", principal.account);
    set("aws:userid", principal.id);
    // A federated session (GetFederationToken) has its user's policies but not the user's name.
    const bool federated = principal.arn.find(":federated-user/") != std::string::npos;
    if (federated) set("aws:PrincipalType", "FederatedUser");
    if (principal.kind == aws::Principal::Kind::user && !federated) set("aws:username", principal.name);
    // With temporary credentials AWS says whether there was a second factor, and there is none here; with a key of a
    // user it says nothing.
    if (principal.access_key_id.starts_with("ASIA")) set("aws:MultiFactorAuthPresent", "false");
    for (const auto& [tag, value] : principal.tags) keys["aws:PrincipalTag/" + tag] = {value};
    set("aws:SourceIdentity", principal.source_identity);
    if (principal.token_issued) set("aws:TokenIssueTime", format_rfc3339(*principal.token_issued));
  }
  if (!question.resource_account.empty()) set("aws:ResourceAccount", question.resource_account);
  if (call.http != nullptr) {
    set("aws:SourceIp", call.http->peer_address);
    set("aws:SecureTransport", call.http->tls ? "true" : "false");
    set("aws:UserAgent", std::string(call.http->headers.get("user-agent")));
    set("aws:Referer", std::string(call.http->headers.get("referer")));
  }
  for (const auto& [key, values] : check.keys) keys[key] = values;
  return question;
}

Status Decider::authorise(const aws::Call& call, const aws::Check& check, const Parsed& own_policy) {
  const aws::Principal& principal = call.principal;
  // AWS asks nobody's leave for this one.
  if (check.action == "sts:GetCallerIdentity" && principal.kind != aws::Principal::Kind::anonymous) return {};
  const policy::Question question = question_of(call, check);
  policy::Policies policies;
  std::shared_ptr<const Held> held;
  std::vector<Parsed> kept;
  const bool has_policies =
      principal.kind == aws::Principal::Kind::user || principal.kind == aws::Principal::Kind::assumed_role;
  if (has_policies) {
    held = MR_TRY(held_by(principal));
    for (const auto& [name, document] : held->identity) policies.identity.push_back({name, document.get()});
    for (const auto& [name, document] : held->boundary) policies.boundary.push_back({name, document.get()});
    for (const std::string& text : principal.session_policies) {
      kept.push_back(MR_TRY(parsed(text, policy::Kind::identity)));
      policies.session.push_back({"session policy", kept.back().get()});
    }
  }
  if (own_policy) policies.resource.push_back({"policy of " + check.resource, own_policy.get()});
  if (const auto source = resource_policies_.find(service_of(check.resource)); source != resource_policies_.end()) {
    const std::string text = MR_TRY(source->second(check.resource));
    if (!text.empty()) {
      kept.push_back(MR_TRY(parsed(text, policy::Kind::resource)));
      policies.resource.push_back({"resource policy of " + check.resource, kept.back().get()});
    }
  }
  const policy::Decision decision = policy::evaluate(policies, question);
  if (decision.allowed) return {};
  return fail(Code::permission_denied, denial(principal, check, decision), "AccessDenied");
}

}  // namespace millrace::iam
