#include "iam/authoriser.h"

#include <fmt/core.h>

#include "base/strings.h"
#include "iam/denial.h"
#include "iam/managed_policies.h"
#include "iam/ops/passwords.h"
#include "iam/request_keys.h"

namespace millrace::iam {
namespace {

constexpr std::size_t kDocumentsCached = 4096;
constexpr std::size_t kPrincipalsCached = 4096;

// `parent_arn`: of the user behind a federated session.
policy::Requester requester_of(const aws::Principal& principal, const std::string& parent_arn) {
  policy::Requester requester;
  switch (principal.kind) {
    case aws::Principal::Kind::anonymous:
      requester.kind = policy::Requester::Kind::anonymous;
      break;
    case aws::Principal::Kind::root:
      requester.kind = policy::Requester::Kind::root;
      break;
    case aws::Principal::Kind::user:
      requester.kind =
          is_federated(principal) ? policy::Requester::Kind::federated_user : policy::Requester::Kind::user;
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
  if (requester.kind == policy::Requester::Kind::federated_user) requester.role_arn = parent_arn;
  return requester;
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

}  // namespace

Result<Authoriser::Parsed> Authoriser::parsed(const std::string& text, policy::Kind kind) {
  const std::string id = std::to_string(static_cast<int>(kind)) + text;
  {
    const MutexLock lock(mutex_);
    if (const auto found = documents_.find(id); found != documents_.end()) return found->second;
  }
  Parsed document = std::make_shared<policy::Document>(MR_TRY(policy::parse_document(text, kind)));
  const MutexLock lock(mutex_);
  if (documents_.size() >= kDocumentsCached) documents_.clear();
  documents_.emplace(id, document);
  return document;
}

Result<std::string> Authoriser::managed_text(const std::string& arn) {
  if (const ManagedPolicy* managed = managed_policy(arn)) return std::string(managed->document);
  const auto policy = MR_TRY(context_.store.find("policy", arn));
  if (!policy) return std::string();
  const auto version = MR_TRY(context_.store.find_link("version", arn, policy->data["default_version"].string_or()));
  return version ? version->data : std::string();
}

Status Authoriser::collect(const std::string& owner_kind, const std::string& owner, Held& held) {
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

Result<std::shared_ptr<const Authoriser::Held>> Authoriser::held_by(const aws::Principal& principal) {
  const bool user = principal.kind == aws::Principal::Kind::user;
  const std::string id = (user ? "u/" : "r/") + principal.name;
  const std::uint64_t generation = context_.store.generation();
  {
    const MutexLock lock(mutex_);
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
  const auto entity = MR_TRY(context_.store.find(kind, principal.name));
  // The account's password policy may let every user change the own password.
  if (user && entity && MR_TRY(password_policy(context_))["AllowUsersToChangePassword"].bool_or(false)) {
    const std::string text = fmt::format(
        R"({{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Action":"iam:ChangePassword","Resource":"{}"}},)"
        R"({{"Effect":"Allow","Action":"iam:GetAccountPasswordPolicy","Resource":"*"}}]}})",
        entity->arn);
    held->identity.emplace_back("the account's password policy", MR_TRY(parsed(text, policy::Kind::identity)));
  }
  if (entity && entity->data.has("boundary")) {
    const std::string arn = entity->data["boundary"].string_or();
    const std::string text = MR_TRY(managed_text(arn));
    if (!text.empty()) held->boundary.emplace_back(arn, MR_TRY(parsed(text, policy::Kind::identity)));
  }
  for (const auto& [name, document] : held->identity) {
    held->identity_policies.push_back({name, document.get()});
    held->reads_resource_tags = held->reads_resource_tags || document->reads_resource_tags;
  }
  for (const auto& [name, document] : held->boundary) {
    held->boundary_policies.push_back({name, document.get()});
    held->reads_resource_tags = held->reads_resource_tags || document->reads_resource_tags;
  }
  const MutexLock lock(mutex_);
  if (held_.size() >= kPrincipalsCached) held_.clear();
  held_[id] = {generation, held};
  return std::shared_ptr<const Held>(held);
}

policy::Question Authoriser::question_of(const aws::Call& call, const aws::Check& check) const {
  const aws::Principal& principal = call.principal;
  policy::Question question;
  std::string parent;
  if (is_federated(principal)) {
    if (const auto user = context_.store.find("user", principal.name); user && *user) parent = (*user)->arn;
  }
  question.requester = requester_of(principal, parent);
  question.action = check.action;
  question.resource = check.resource;
  question.resource_account = std::string(account_of(check.resource));
  if (question.resource_account == "aws") question.resource_account.clear();
  add_global_keys(question.context, call, question.resource_account);
  if (check.action.starts_with("s3:")) add_s3_keys(question.context, call, check.action);
  for (const auto& [key, values] : check.keys) question.context[key] = values;
  return question;
}

Result<Considered> Authoriser::gather(const aws::Call& call, const aws::Check& check, const Parsed& own_policy) {
  const aws::Principal& principal = call.principal;
  Considered gathered;
  gathered.question = question_of(call, check);
  policy::Policies& policies = gathered.policies;
  bool reads_tags = false;
  const auto keep = [&](std::vector<policy::NamedPolicy>& list, std::string name, const Parsed& document) {
    reads_tags = reads_tags || document->reads_resource_tags;
    list.push_back({std::move(name), document.get()});
    gathered.kept.push_back(document);
  };
  const bool has_policies =
      principal.kind == aws::Principal::Kind::user || principal.kind == aws::Principal::Kind::assumed_role;
  if (has_policies) {
    const auto held = MR_TRY(held_by(principal));
    reads_tags = held->reads_resource_tags;
    policies.identity = held->identity_policies;
    policies.boundary = held->boundary_policies;
    gathered.kept.push_back(held);
    for (std::size_t i = 0; i < principal.session_policies.size(); ++i) {
      // Each by a name of its own, so that a trace can tell them apart.
      keep(policies.session, i == 0 ? "session policy" : fmt::format("session policy {}", i + 1),
           MR_TRY(parsed(principal.session_policies[i], policy::Kind::identity)));
    }
    if (limit_) {
      if (const Parsed limit = MR_TRY(limit_(call))) keep(policies.session, "limit of the run", limit);
    }
  }
  if (own_policy) {
    keep(policies.resource, "policy of " + check.resource, own_policy);
  }
  const std::string_view service = service_of(check.resource);
  if (const auto source = resource_policies_.find(service); source != resource_policies_.end()) {
    const std::string text = MR_TRY(source->second(check.resource));
    if (!text.empty()) {
      auto document = parsed(text, policy::Kind::resource);
      // One that cannot be read locks everybody out but the account's root, who can replace it.
      if (!document && principal.kind != aws::Principal::Kind::root) return fail(document.error());
      if (document) keep(policies.resource, "resource policy of " + check.resource, *document);
    }
  }
  // A resource's tags cost a look-up, so they are fetched only for policies that read them.
  if (const auto source = resource_tags_.find(service); source != resource_tags_.end()) {
    if (reads_tags && has_resource_tags(check.action)) {
      for (auto& [key, value] : MR_TRY(source->second(check.resource)))
        gathered.question.context.insert_or_assign(key, std::vector<std::string>{value});
    }
  }
  return gathered;
}

Status Authoriser::authorise(const aws::Call& call, const aws::Check& check, const Parsed& own_policy) {
  // AWS allows this one without a policy check.
  if (check.action == "sts:GetCallerIdentity" && call.principal.kind != aws::Principal::Kind::anonymous) return {};
  Considered gathered = MR_TRY(gather(call, check, own_policy));
  const policy::Decision decision = policy::evaluate(gathered.policies, gathered.question);
  if (observer_) observer_(call, check, std::move(gathered), decision.allowed);
  if (decision.allowed) return {};
  return fail(Code::permission_denied, denial(call.principal, check, decision), "AccessDenied");
}

Result<policy::Trace> Authoriser::explain(const aws::Call& call, const aws::Check& check, const Parsed& own_policy) {
  return trace_of(MR_TRY(gather(call, check, own_policy)));
}

policy::Trace trace_of(const Considered& considered) { return policy::trace(considered.policies, considered.question); }

}  // namespace millrace::iam
