#include "iam/simulation.h"

#include <algorithm>
#include <optional>

#include <fmt/core.h>

#include "base/strings.h"
#include "iam/policy/conditions.h"

namespace millrace::iam {
namespace {

using policy::Effect;

// From the most to the least: the worst of several is what is said of all.
enum class Verdict { allowed, implicit_deny, explicit_deny };

std::string_view name_of(Verdict verdict) {
  switch (verdict) {
    case Verdict::allowed:
      return "allowed";
    case Verdict::implicit_deny:
      return "implicitDeny";
    case Verdict::explicit_deny:
      return "explicitDeny";
  }
  return "implicitDeny";
}

struct Match {
  const SimulatedPolicy* policy = nullptr;
  std::size_t statement = 0;
  auto operator<=>(const Match&) const = default;
};

struct Outcome {
  Verdict verdict = Verdict::implicit_deny;
  std::vector<Match> matches;
  std::set<std::string> missing;
  std::optional<bool> within_boundary, within_organization;
  std::optional<Verdict> by_identity, by_resource, by_boundary;  // across accounts
};

void collect(const std::vector<SimulatedPolicy>& policies, const policy::Question& question, Effect effect,
             std::vector<Match>& matches) {
  for (const SimulatedPolicy& held : policies) {
    for (std::size_t i = 0; i < held.document.statements.size(); ++i) {
      const policy::Statement& statement = held.document.statements[i];
      if (statement.effect == effect && policy::applies(statement, held.document, question))
        matches.push_back({&held, i});
    }
  }
}

Verdict verdict_of(const std::vector<SimulatedPolicy>& policies, const policy::Question& question) {
  std::vector<Match> denies, allows;
  collect(policies, question, Effect::deny, denies);
  collect(policies, question, Effect::allow, allows);
  return !denies.empty() ? Verdict::explicit_deny : allows.empty() ? Verdict::implicit_deny : Verdict::allowed;
}

// Keys that a statement reads which would speak of the question if only they were given.
void collect_missing(const std::vector<SimulatedPolicy>& policies, const policy::Question& question,
                     std::set<std::string>& missing) {
  const auto given = [&](const std::string& key) { return question.context.contains(key); };
  for (const SimulatedPolicy& held : policies) {
    for (const SimulatedPolicy::Reading& reading : held.readings) {
      if (std::all_of(reading.keys.begin(), reading.keys.end(), given)) continue;
      if (!policy::applies(reading.without, held.document, question)) continue;
      for (const std::string& key : reading.keys) {
        if (!given(key)) missing.insert(key);
      }
    }
  }
}

std::string account_in(const std::string& arn) {
  const auto parts = split(arn, ':');
  return parts.size() > 4 ? std::string(parts[4]) : std::string();
}

std::vector<policy::NamedPolicy> named(const std::vector<SimulatedPolicy>& policies) {
  std::vector<policy::NamedPolicy> out;
  for (const SimulatedPolicy& held : policies) out.push_back({held.id, &held.document});
  return out;
}

Outcome decide(const Simulation& simulation, const std::string& action, const std::string& resource) {
  policy::Question question;
  question.requester = simulation.caller;
  question.action = action;
  question.resource = resource;
  question.context = simulation.context;
  question.resource_account = account_in(resource);
  if (question.resource_account.empty() || question.resource_account == "aws" || question.resource_account == "*")
    question.resource_account = simulation.resource_owner;
  Outcome outcome;
  collect_missing(simulation.identity, question, outcome.missing);
  collect_missing(simulation.boundary, question, outcome.missing);
  collect_missing(simulation.resource_policy, question, outcome.missing);
  // An organization that forbids is the end of the simulation.
  for (const auto& level : simulation.organization) {
    const Verdict verdict = verdict_of(level, question);
    outcome.within_organization = outcome.within_organization.value_or(true) && verdict == Verdict::allowed;
    if (verdict != Verdict::allowed) outcome.verdict = std::max(outcome.verdict, verdict);
  }
  if (!outcome.within_organization.value_or(true)) return outcome;

  policy::Policies policies;
  policies.identity = named(simulation.identity);
  policies.boundary = named(simulation.boundary);
  policies.resource = named(simulation.resource_policy);
  const policy::Decision decision = policy::evaluate(policies, question);
  outcome.verdict = decision.allowed             ? Verdict::allowed
                    : decision.explicitly_denied ? Verdict::explicit_deny
                                                 : Verdict::implicit_deny;
  // Only what contributed: the denying statements, or else the allowing ones.
  if (outcome.verdict != Verdict::implicit_deny) {
    const Effect effect = decision.allowed ? Effect::allow : Effect::deny;
    collect(simulation.identity, question, effect, outcome.matches);
    collect(simulation.resource_policy, question, effect, outcome.matches);
    if (!decision.allowed) collect(simulation.boundary, question, effect, outcome.matches);
  }
  if (!simulation.boundary.empty())
    outcome.within_boundary = verdict_of(simulation.boundary, question) == Verdict::allowed;
  if (!question.resource_account.empty() && question.resource_account != simulation.caller.account) {
    outcome.by_identity = verdict_of(simulation.identity, question);
    outcome.by_resource = verdict_of(simulation.resource_policy, question);
    if (!simulation.boundary.empty()) outcome.by_boundary = verdict_of(simulation.boundary, question);
  }
  return outcome;
}

Value matches_value(const std::vector<Match>& matches) {
  const auto position = [](const Position& at) { return Value::object({{"Line", at.line}, {"Column", at.column}}); };
  Value list = Value::array();
  for (const Match& match : matches) {
    Value statement = Value::object({{"SourcePolicyId", match.policy->id}});
    statement.set_if(!match.policy->type.empty(), "SourcePolicyType", match.policy->type);
    if (match.statement < match.policy->spans.size()) {
      const Span& span = match.policy->spans[match.statement];
      statement.set("StartPosition", position(span.start)).set("EndPosition", position(span.end));
    }
    list.push(std::move(statement));
  }
  return list;
}

Value names_value(const std::set<std::string>& names) {
  Value list = Value::array();
  for (const std::string& name : names) list.push(name);
  return list;
}

void set_details(Value& result, const Outcome& outcome) {
  Value details = Value::object();
  if (outcome.by_identity) details.set("IAM Policy", name_of(*outcome.by_identity));
  if (outcome.by_resource) details.set("Resource Policy", name_of(*outcome.by_resource));
  if (outcome.by_boundary) details.set("Permissions Boundary Policy", name_of(*outcome.by_boundary));
  result.set("EvalDecisionDetails", std::move(details));
}

void set_boundary_detail(Value& result, const std::optional<bool>& within) {
  if (within)
    result.set("PermissionsBoundaryDecisionDetail", Value::object({{"AllowedByPermissionsBoundary", *within}}));
}

// "training-job" → "TrainingJob".
std::string camel(std::string_view words) {
  std::string out;
  for (const std::string_view word : split(words, '-')) {
    if (word.empty()) continue;
    out += static_cast<char>(word[0] >= 'a' && word[0] <= 'z' ? word[0] - 'a' + 'A' : word[0]);
    out += word.substr(1);
  }
  return out;
}

// The form of a resource's ARN, for the services that are served here; "*" for others.
std::string template_of(const std::string& resource) {
  const auto parts = split(resource, ':');
  if (parts.size() < 6) return "*";
  const std::string_view service = parts[2], rest = parts[5];
  if (service == "s3") {
    return rest.find('/') == std::string_view::npos ? "arn:${Partition}:s3:::${BucketName}"
                                                    : "arn:${Partition}:s3:::${BucketName}/${KeyName}";
  }
  const std::string type(rest.substr(0, rest.find('/')));
  if (service == "iam") return "arn:${Partition}:iam::${Account}:" + type + "/${" + camel(type) + "NameWithPath}";
  if (service == "sagemaker")
    return "arn:${Partition}:sagemaker:${Region}:${Account}:" + type + "/${" + camel(type) + "Name}";
  if (service == "logs") return "arn:${Partition}:logs:${Region}:${Account}:log-group:${LogGroupName}";
  return "*";
}

}  // namespace

Result<SimulatedPolicy> simulated_policy(std::string id, std::string type, const std::string& text, policy::Kind kind) {
  auto document = policy::parse_document(text, kind);
  if (!document)
    return fail(Code::invalid_argument, fmt::format("Invalid policy {}: {}", id, document.error().message),
                "InvalidInput");
  SimulatedPolicy held{std::move(id), std::move(type), std::move(*document), statement_spans(text), {}};
  for (const policy::Statement& statement : held.document.statements) {
    auto keys = context_keys(statement, held.document);
    if (keys.empty()) continue;
    SimulatedPolicy::Reading reading{std::move(keys), statement};
    reading.without.conditions.clear();
    // A resource with a variable is not known either: then the action alone decides.
    if (std::any_of(statement.resources.begin(), statement.resources.end(),
                    [](const std::string& resource) { return resource.find("${") != std::string::npos; }))
      reading.without.resources.clear();
    held.readings.push_back(std::move(reading));
  }
  return held;
}

Value simulate(const Simulation& simulation, const std::string& action, const std::vector<std::string>& resources) {
  const bool everything = resources.size() == 1 && resources.front() == "*";
  Outcome total;
  total.verdict = Verdict::allowed;
  std::set<Match> seen;
  Value specific = Value::array();
  for (const std::string& resource : resources) {
    const Outcome outcome = decide(simulation, action, resource);
    total.verdict = std::max(total.verdict, outcome.verdict);
    for (const Match& match : outcome.matches) {
      if (seen.insert(match).second) total.matches.push_back(match);
    }
    total.missing.insert(outcome.missing.begin(), outcome.missing.end());
    const auto least = [](std::optional<bool>& all, const std::optional<bool>& one) {
      if (one) all = all.value_or(true) && *one;
    };
    least(total.within_boundary, outcome.within_boundary);
    least(total.within_organization, outcome.within_organization);
    const auto worst = [](std::optional<Verdict>& all, const std::optional<Verdict>& one) {
      if (one) all = std::max(all.value_or(Verdict::allowed), *one);
    };
    worst(total.by_identity, outcome.by_identity);
    worst(total.by_resource, outcome.by_resource);
    worst(total.by_boundary, outcome.by_boundary);
    if (everything) continue;
    Value result = Value::object({{"EvalResourceName", resource},
                                  {"EvalResourceDecision", name_of(outcome.verdict)},
                                  {"MatchedStatements", matches_value(outcome.matches)},
                                  {"MissingContextValues", names_value(outcome.missing)}});
    if (outcome.by_identity) set_details(result, outcome);
    set_boundary_detail(result, outcome.within_boundary);
    specific.push(std::move(result));
  }
  // The deny alone is the reason, where there is one.
  if (total.verdict == Verdict::explicit_deny) {
    std::erase_if(total.matches, [](const Match& match) {
      return match.policy->document.statements[match.statement].effect == Effect::allow;
    });
  } else if (total.verdict == Verdict::implicit_deny) {
    total.matches.clear();
  }
  Value result = Value::object({{"EvalActionName", action},
                                {"EvalResourceName", everything ? std::string("*") : template_of(resources.front())},
                                {"EvalDecision", name_of(total.verdict)},
                                {"MatchedStatements", matches_value(total.matches)},
                                {"MissingContextValues", names_value(total.missing)}});
  if (total.within_organization)
    result.set("OrganizationsDecisionDetail", Value::object({{"AllowedByOrganizations", *total.within_organization}}));
  set_boundary_detail(result, total.within_boundary);
  if (!everything) {
    if (total.within_organization.value_or(true)) set_details(result, total);
    result.set("ResourceSpecificResults", std::move(specific));
  }
  return result;
}

}  // namespace millrace::iam
