// Access advisor: which of the services that somebody's policies allow were used, by whom and when; and which policies
// allow a service.

#include <algorithm>
#include <array>
#include <map>

#include <fmt/core.h>

#include "base/ids.h"
#include "base/strings.h"
#include "iam/managed_policies.h"
#include "iam/ops/reports.h"
#include "iam/ops/sources.h"
#include "iam/policy/conditions.h"
#include "iam/policy/document.h"

namespace millrace::iam {
namespace {

constexpr auto kJobsKept = std::chrono::hours(24);
constexpr std::string_view kJob = "access-job";

struct Service {
  std::string_view space, name;
};
// Those served here; of others there is no use to tell.
constexpr std::array kServices = {
    Service{"iam", "AWS Identity and Access Management"}, Service{"logs", "Amazon CloudWatch Logs"},
    Service{"s3", "Amazon S3"}, Service{"sagemaker", "Amazon SageMaker"}, Service{"sts", "AWS Security Token Service"}};

// Does some statement allow something of the service?
bool grants(const policy::Document& document, std::string_view space) {
  return std::ranges::any_of(document.statements, [&](const policy::Statement& statement) {
    if (statement.effect != policy::Effect::allow) return false;
    const auto speaks_of = [&](const std::string& action, bool of_all) {
      if (action == "*") return true;
      const std::size_t colon = action.find(':');
      return equals_ignore_case(std::string_view(action).substr(0, colon), space) &&
             (!of_all || action.substr(colon) == ":*");
    };
    const bool named = std::ranges::any_of(
        statement.actions, [&](const std::string& action) { return speaks_of(action, statement.not_action); });
    return named != statement.not_action;
  });
}

Result<bool> grants(const std::string& text, std::string_view space) {
  return grants(MR_TRY(policy::parse_document(text, policy::Kind::identity)), space);
}

// Whom a report is about: users and roles (who can use a service), and what their leave is read from.
struct Subject {
  std::vector<Identity> users_and_roles;
  std::vector<std::string> policies;  // documents
};

Status add_users_of(Context& context, const std::string& group, Subject& subject) {
  for (const Link& member : MR_TRY(context.store.links_of("member", group))) {
    const bool known = std::ranges::any_of(subject.users_and_roles, [&](const Identity& identity) {
      return identity.kind == "user" && identity.entity.name == member.target;
    });
    if (!known) subject.users_and_roles.push_back({"user", MR_TRY(context.find_or_fail("user", member.target))});
  }
  return {};
}

bool is_policy(const std::string& arn) {
  return arn.starts_with("arn:aws:iam::") && arn.find(":policy/") != std::string::npos;
}

Result<Subject> subject_of(Context& context, const std::string& arn) {
  Subject subject;
  if (is_policy(arn)) {
    subject.policies.push_back(MR_TRY(managed_text(context, arn)));
    for (const char* kind : {"user", "role"}) {
      for (const Link& link : MR_TRY(context.store.links_to(std::string("attached-") + kind, arn)))
        subject.users_and_roles.push_back({kind, MR_TRY(context.find_or_fail(kind, link.owner))});
    }
    for (const Link& link : MR_TRY(context.store.links_to("attached-group", arn)))
      MR_TRY(add_users_of(context, link.owner, subject));
    return subject;
  }
  Identity identity = MR_TRY(identity_of(context, arn));
  for (const Source& source : MR_TRY(sources_of(context, identity))) subject.policies.push_back(source.text);
  if (identity.kind == "group")
    MR_TRY(add_users_of(context, identity.entity.name, subject));
  else
    subject.users_and_roles.push_back(std::move(identity));
  return subject;
}

struct Latest {
  Time at{};
  std::string region, arn;
};

void take_later(std::optional<Latest>& latest, const ActionUse& use, const std::string& arn) {
  if (!latest || use.at > latest->at) latest = Latest{use.at, use.region, arn};
}

Result<Value> service_value(ActionUses& uses, const Service& service, const Subject& subject, bool actions) {
  std::optional<Latest> latest;
  std::map<std::string, std::optional<Latest>> by_action;
  std::size_t users = 0;
  for (const Identity& identity : subject.users_and_roles) {
    bool used = false;
    for (const ActionUse& use : MR_TRY(uses.of(identity.entity.id, std::string(service.space)))) {
      used = true;
      take_later(latest, use, identity.entity.arn);
      take_later(by_action[use.action], use, identity.entity.arn);
    }
    if (used) ++users;
  }
  Value value = Value::object(
      {{"ServiceName", service.name}, {"ServiceNamespace", service.space}, {"TotalAuthenticatedEntities", users}});
  if (latest) {
    value.set("LastAuthenticated", to_epoch_seconds(latest->at))
        .set("LastAuthenticatedEntity", latest->arn)
        .set("LastAuthenticatedRegion", latest->region);
  }
  if (!actions) return value;
  Value tracked = Value::array();
  for (const auto& [name, use] : by_action) {
    tracked.push(Value::object({{"ActionName", name},
                                {"LastAccessedEntity", use->arn},
                                {"LastAccessedTime", to_epoch_seconds(use->at)},
                                {"LastAccessedRegion", use->region}}));
  }
  value.set("TrackedActionsLastAccessed", std::move(tracked));
  return value;
}

// The report is made while it is asked for, and kept for a day.
Result<aws::Output> generate(Context& context, ActionUses& uses, aws::Call& call, const Value& input) {
  for (const Entity& job : MR_TRY(context.store.list(std::string(kJob), "/"))) {
    if (call.now - job.created > kJobsKept) MR_TRY(context.store.erase(std::string(kJob), job.name));
  }
  uses.forget_gone();
  const std::string arn = input["Arn"].string_or(), granularity = input["Granularity"].string_or("SERVICE_LEVEL");
  const Subject subject = MR_TRY(subject_of(context, arn));
  Value services = Value::array();
  for (const Service& service : kServices) {
    bool granted = false;
    for (const std::string& text : subject.policies) granted = granted || MR_TRY(grants(text, service.space));
    if (granted) services.push(MR_TRY(service_value(uses, service, subject, granularity == "ACTION_LEVEL")));
  }
  Entity job;
  job.kind = kJob;
  job.id = job.name = uuid4();
  job.arn = arn;
  job.created = call.now;
  job.data.set("type", granularity).set("services", std::move(services)).set("caller", call.principal.arn);
  MR_TRY(context.store.insert(job));
  return Value::object({{"JobId", job.id}});
}

// A job is reported only to the principal that asked for it.
Result<Entity> need_job(Context& context, const aws::Call& call, const Value& input) {
  const std::string id = input["JobId"].string_or();
  auto job = MR_TRY(context.store.find(std::string(kJob), id));
  if (!job || job->data["caller"].string_or() != call.principal.arn)
    return no_such_entity(fmt::format("The job with id {} cannot be found.", id));
  return std::move(*job);
}

void add_job(const Entity& job, Value& output) {
  output.set("JobStatus", "COMPLETED")
      .set("JobCreationDate", to_epoch_seconds(job.created))
      .set("JobCompletionDate", to_epoch_seconds(job.created));
}

Result<aws::Output> get(Context& context, aws::Call& call, const Value& input) {
  const Entity job = MR_TRY(need_job(context, call, input));
  Value output = MR_TRY(page(input, "ServicesLastAccessed", job.data["services"].items(), "ServiceNamespace"));
  add_job(job, output);
  output.set("JobType", job.data["type"]);
  return output;
}

Result<aws::Output> get_entities(Context& context, ActionUses& uses, aws::Call& call, const Value& input) {
  const Entity job = MR_TRY(need_job(context, call, input));
  const std::string space = input["ServiceNamespace"].string_or();
  if (std::ranges::none_of(job.data["services"].items(),
                           [&](const Value& service) { return service["ServiceNamespace"].string_or() == space; }))
    return no_such_entity(fmt::format("The report {} has no service {}.", job.id, space));
  std::vector<Value> details;
  for (const Identity& identity : MR_TRY(subject_of(context, job.arn)).users_and_roles) {
    const Entity& entity = identity.entity;
    std::optional<Latest> latest;
    for (const ActionUse& use : MR_TRY(uses.of(entity.id, space))) take_later(latest, use, entity.arn);
    Value detail = Value::object({{"EntityInfo", Value::object({{"Arn", entity.arn},
                                                                {"Name", entity.name},
                                                                {"Type", identity.kind == "user" ? "USER" : "ROLE"},
                                                                {"Id", entity.id},
                                                                {"Path", entity.path}})}});
    if (latest) detail.set("LastAuthenticated", to_epoch_seconds(latest->at));
    details.push_back(std::move(detail));
  }
  std::ranges::sort(details, [](const Value& a, const Value& b) {
    const auto at = [](const Value& value) {
      return value.has("LastAuthenticated") ? value["LastAuthenticated"].as_double() : 0.0;
    };
    if (at(a) != at(b)) return at(a) > at(b);
    return a["EntityInfo"]["Arn"].string_or() < b["EntityInfo"]["Arn"].string_or();
  });
  Value output = MR_TRY(page_in_order(input, "EntityDetailsList", std::move(details)));
  add_job(job, output);
  return output;
}

Result<aws::Output> granting(Context& context, aws::Call&, const Value& input) {
  const Identity identity = MR_TRY(identity_of(context, input["Arn"].string_or()));
  const auto sources = MR_TRY(sources_of(context, identity));
  std::vector<Value> answers;
  for (const Value& item : input["ServiceNamespaces"].items()) {
    Value policies = Value::array();
    for (const Source& source : sources) {
      if (!MR_TRY(grants(source.text, item.string_or()))) continue;
      Value policy =
          Value::object({{"PolicyName", source.id}, {"PolicyType", source.arn.empty() ? "INLINE" : "MANAGED"}});
      if (source.arn.empty())
        policy.set("EntityType", to_upper(source.owner_kind)).set("EntityName", source.owner);
      else
        policy.set("PolicyArn", source.arn);
      policies.push(std::move(policy));
    }
    answers.push_back(Value::object({{"ServiceNamespace", item}, {"Policies", std::move(policies)}}));
  }
  // Its pages have no size of their own.
  return page_in_order(input, "PoliciesGrantingServiceAccess", std::move(answers));
}

}  // namespace

Operations last_accessed_operations(LastAccessed& part) {
  Operations operations;
  Context& context = part.context;
  ActionUses& uses = part.uses;
  const aws::Resources on_arn = [&context](const aws::Call&, const Value& input) {
    return std::vector<std::string>{context.policy_arn(input["Arn"].string_or())};
  };
  add_plain(operations, "GenerateServiceLastAccessedDetails", "iam:GenerateServiceLastAccessedDetails", on_arn,
            [&context, &uses](aws::Call& call, const Value& input) { return generate(context, uses, call, input); });
  add_plain(operations, "GetServiceLastAccessedDetails", "iam:GetServiceLastAccessedDetails", aws::any_resource(),
            bound(context, get));
  add_plain(operations, "GetServiceLastAccessedDetailsWithEntities", "iam:GetServiceLastAccessedDetailsWithEntities",
            aws::any_resource(), [&context, &uses](aws::Call& call, const Value& input) {
              return get_entities(context, uses, call, input);
            });
  add_plain(operations, "ListPoliciesGrantingServiceAccess", "iam:ListPoliciesGrantingServiceAccess", on_arn,
            bound(context, granting));
  return operations;
}

}  // namespace millrace::iam
