// SimulateCustomPolicy, SimulatePrincipalPolicy, and the context keys that such a simulation needs.

#include <algorithm>

#include <fmt/core.h>

#include "base/strings.h"
#include "iam/context.h"
#include "iam/ops/sources.h"
#include "iam/simulation.h"

namespace millrace::iam {
namespace {

constexpr std::size_t kCombinationsMost = 10'000;  // of actions and resources

// One '*' at most and any number of '?', in the last part of an ARN and in an entity's name.
Status check_wildcards(std::string_view text, std::string_view what) {
  if (std::count(text.begin(), text.end(), '*') <= 1) return {};
  return invalid_input(fmt::format("The {} {} of PolicyExclusionList has more than one wildcard *.", what, text));
}

// Takes out what the exclusions name: a kind of policy, managed policies by ARN, an inline policy of somebody. One that
// names nothing held is no error. True for `boundary` when that is left out.
Status leave_out(const Value& exclusions, std::vector<Source>& sources, bool& boundary) {
  for (const Value& exclusion : exclusions.items()) {
    const Value& inlined = exclusion["InlinePolicyIdentifier"];
    const std::string type = exclusion["PolicyType"].string_or(), arn = exclusion["PolicyArn"].string_or();
    if (!type.empty() + !arn.empty() + inlined.is_object() != 1) {
      return invalid_input(
          "Each of the PolicyExclusionList names one of PolicyType, PolicyArn and InlinePolicyIdentifier.");
    }
    if (!arn.empty()) {
      const std::size_t name = arn.rfind('/');
      if (!arn.starts_with("arn:") || split(arn, ':').size() != 6 || name == std::string::npos ||
          arn.substr(0, name).find_first_of("*?") != std::string::npos) {
        return invalid_input(fmt::format("The policy ARN {} of PolicyExclusionList is not valid.", arn));
      }
      MR_TRY(check_wildcards(arn, "policy ARN"));
      std::erase_if(sources, [&](const Source& source) { return !source.arn.empty() && glob_match(arn, source.arn); });
    } else if (type == "permission-boundary") {
      boundary = true;
    } else if (!type.empty()) {  // of organizations' policies there are none
      std::erase_if(sources,
                    [&](const Source& source) { return type == (source.arn.empty() ? "inline" : source.type); });
    } else {
      const std::string who = inlined["AttachmentName"].string_or();
      MR_TRY(check_wildcards(who, "attachment name"));
      std::erase_if(sources, [&](const Source& source) {
        return source.arn.empty() && source.id == inlined["PolicyName"].string_or() &&
               equals_ignore_case(source.owner_kind, inlined["AttachmentType"].string_or()) &&
               glob_match(who, source.owner);
      });
    }
  }
  return {};
}

// Who asks: an IAM user, group or role by its ARN, of whatever account.
Result<policy::Requester> caller_of(const std::string& arn) {
  policy::Requester requester;
  const auto parts = split(arn, ':');
  if (parts.size() != 6 || parts[0] != "arn" || parts[2] != "iam")
    return invalid_input(fmt::format("The caller {} is not the ARN of an IAM user, group or role.", arn));
  const std::string_view kind = parts[5].substr(0, parts[5].find('/'));
  if (kind != "user" && kind != "role" && kind != "group")
    return invalid_input(fmt::format("The caller {} is not the ARN of an IAM user, group or role.", arn));
  requester.kind = kind == "role" ? policy::Requester::Kind::assumed_role : policy::Requester::Kind::user;
  requester.account = std::string(parts[4]);
  requester.arn = arn;
  if (kind == "role") requester.role_arn = arn;
  return requester;
}

Status read_context(const Value& entries, policy::Context& keys) {
  for (const Value& entry : entries.items()) {
    const std::string name = entry["ContextKeyName"].string_or(), type = entry["ContextKeyType"].string_or();
    if (name.empty()) return invalid_input("Each of the ContextEntries needs a ContextKeyName.");
    const auto& values = entry["ContextKeyValues"].items();
    if (!type.empty() && !type.ends_with("List") && values.size() > 1) {
      return invalid_input(fmt::format("The context key {} is of type {} and has {} values; it can have one.", name,
                                       type, values.size()));
    }
    std::vector<std::string> texts;
    for (const Value& value : values) {
      texts.push_back(value.string_or());
      if (type.starts_with("numeric") && !parse_double(texts.back()))
        return invalid_input(fmt::format("The value {} of the context key {} is not a number.", texts.back(), name));
      if (type.starts_with("boolean") && texts.back() != "true" && texts.back() != "false")
        return invalid_input(
            fmt::format("The value {} of the context key {} is neither true nor false.", texts.back(), name));
    }
    keys[name] = std::move(texts);
  }
  return {};
}

// What both operations take alike.
Status read_common(Context& context, const Value& input, Simulation& simulation) {
  std::size_t number = 0;
  for (const Value& text : input["PolicyInputList"].items()) {
    simulation.identity.push_back(
        MR_TRY(simulated_policy(fmt::format("PolicyInputList.{}", ++number), "", text.string_or())));
  }
  const auto& boundaries = input["PermissionsBoundaryPolicyInputList"].items();
  if (boundaries.size() > 1)
    return invalid_input("PermissionsBoundaryPolicyInputList can hold one policy, since an entity has one boundary.");
  if (!boundaries.empty()) {
    simulation.boundary.clear();
    simulation.boundary.push_back(
        MR_TRY(simulated_policy("PermissionsBoundaryPolicyInputList.1", "", boundaries.front().string_or())));
  }
  std::size_t level = 0;
  for (const Value& policies : input["OrderedOrganizationPolicyInputList"].items()) {
    std::vector<SimulatedPolicy> held;
    for (const Value& text : policies["ServiceControlPolicyInputList"].items()) {
      held.push_back(MR_TRY(simulated_policy(
          fmt::format("OrderedOrganizationPolicyInputList.{}.{}", level + 1, held.size() + 1), "", text.string_or())));
    }
    simulation.organization.push_back(std::move(held));
    ++level;
  }
  if (input["ResourceHandlingOption"].is_string()) {
    return invalid_input(
        fmt::format("The ResourceHandlingOption {} speaks of EC2 instances and what belongs to them, which are not "
                    "simulated here; leave it out.",
                    input["ResourceHandlingOption"].as_string()));
  }
  if (input["CallerArn"].is_string()) simulation.caller = MR_TRY(caller_of(input["CallerArn"].as_string()));
  if (input["ResourcePolicy"].is_string()) {
    if (simulation.caller.arn.empty())
      return invalid_input("CallerArn is required when a ResourcePolicy is given, for its Principal to speak of.");
    simulation.resource_policy.push_back(MR_TRY(
        simulated_policy("ResourcePolicy", "resource", input["ResourcePolicy"].as_string(), policy::Kind::resource)));
  }
  const std::string owner = input["ResourceOwner"].string_or();
  if (!owner.empty()) {
    const auto parts = split(owner, ':');
    if (parts.size() != 6 || parts[4].size() != 12)
      return invalid_input(fmt::format("ResourceOwner {} is not an account's ARN.", owner));
    simulation.resource_owner = std::string(parts[4]);
  }
  if (simulation.caller.arn.empty()) {
    simulation.caller.kind = policy::Requester::Kind::user;
    simulation.caller.account = context.account;
  } else {
    simulation.context["aws:PrincipalArn"] = {simulation.caller.arn};
    simulation.context["aws:PrincipalAccount"] = {simulation.caller.account};
    if (simulation.caller.kind == policy::Requester::Kind::user) {
      simulation.context["aws:username"] = {simulation.caller.arn.substr(simulation.caller.arn.rfind('/') + 1)};
      simulation.context["aws:PrincipalType"] = {"User"};
    }
  }
  if (simulation.resource_owner.empty()) simulation.resource_owner = simulation.caller.account;
  return read_context(input["ContextEntries"], simulation.context);
}

Result<aws::Output> answer(const Value& input, const Simulation& simulation) {
  std::vector<std::string> resources;
  for (const Value& resource : input["ResourceArns"].items()) resources.push_back(resource.string_or());
  if (resources.empty()) resources.emplace_back("*");
  const auto& actions = input["ActionNames"].items();
  if (actions.size() * resources.size() > kCombinationsMost) {
    return invalid_input(
        fmt::format("A simulation takes at most {} combinations of actions and resources; these are {}.",
                    kCombinationsMost, actions.size() * resources.size()));
  }
  for (const std::string& resource : resources) {
    if (resource != "*" && (!resource.starts_with("arn:") || split(resource, ':').size() < 6))
      return invalid_input(fmt::format("Invalid resource ARN {} in ResourceArns.", resource));
  }
  std::vector<Value> results;
  for (const Value& item : actions) {
    const std::string action = item.string_or();
    const std::size_t colon = action.find(':');
    if (colon == std::string::npos || colon == 0 || colon + 1 == action.size() ||
        action.find_first_of("*? ") != std::string::npos) {
      return invalid_input(
          fmt::format("Invalid action name {}: it is written service:Operation, without wildcards.", action));
    }
    results.push_back(simulate(simulation, action, resources));
  }
  return page_in_order(input, "EvaluationResults", std::move(results));
}

Result<aws::Output> simulate_custom(Context& context, aws::Call&, const Value& input) {
  Simulation simulation;
  MR_TRY(read_common(context, input, simulation));
  return answer(input, simulation);
}

Result<aws::Output> simulate_principal(Context& context, aws::Call&, const Value& input) {
  const std::string arn = input["PolicySourceArn"].string_or();
  const Identity identity = MR_TRY(identity_of(context, arn));
  auto sources = MR_TRY(sources_of(context, identity));
  bool without_boundary = false;
  MR_TRY(leave_out(input["PolicyExclusionList"], sources, without_boundary));
  Simulation simulation;
  for (const Source& source : sources)
    simulation.identity.push_back(MR_TRY(simulated_policy(source.id, source.type, source.text)));
  if (identity.entity.data.has("boundary") && !without_boundary) {
    const std::string boundary = identity.entity.data["boundary"].string_or();
    simulation.boundary.push_back(MR_TRY(
        simulated_policy(boundary.substr(boundary.rfind('/') + 1), "", MR_TRY(managed_text(context, boundary)))));
  }
  simulation.caller = MR_TRY(caller_of(arn));
  for (const auto& [key, value] : identity.entity.data["tags"].members())
    simulation.context["aws:PrincipalTag/" + key] = {value.string_or()};
  MR_TRY(read_common(context, input, simulation));
  return answer(input, simulation);
}

// The keys of identity policies; a list may hold resource policies as well.
Result<aws::Output> keys_answer(const std::vector<std::string>& texts) {
  std::set<std::string> keys;
  for (const std::string& text : texts) {
    auto document = policy::parse_document(text, policy::Kind::identity);
    if (!document) document = policy::parse_document(text, policy::Kind::resource);
    if (!document) return invalid_input(fmt::format("Invalid policy: {}", document.error().message));
    keys.merge(context_keys(*document));
  }
  Value names = Value::array();
  for (const std::string& key : keys) names.push(key);
  return Value::object({{"ContextKeyNames", std::move(names)}});
}

Result<aws::Output> keys_of_custom(Context&, aws::Call&, const Value& input) {
  std::vector<std::string> texts;
  for (const Value& text : input["PolicyInputList"].items()) texts.push_back(text.string_or());
  return keys_answer(texts);
}

Result<aws::Output> keys_of_principal(Context& context, aws::Call&, const Value& input) {
  const Identity identity = MR_TRY(identity_of(context, input["PolicySourceArn"].string_or()));
  std::vector<std::string> texts;
  for (const Source& source : MR_TRY(sources_of(context, identity))) texts.push_back(source.text);
  for (const Value& text : input["PolicyInputList"].items()) texts.push_back(text.string_or());
  return keys_answer(texts);
}

}  // namespace

Operations simulation_operations(Context& context) {
  Operations operations;
  const aws::Resources on_source = [](const aws::Call&, const Value& input) {
    return std::vector<std::string>{input["PolicySourceArn"].string_or()};
  };
  add_plain(operations, "SimulateCustomPolicy", "iam:SimulateCustomPolicy", aws::any_resource(),
            bound(context, simulate_custom));
  add_plain(operations, "SimulatePrincipalPolicy", "iam:SimulatePrincipalPolicy", on_source,
            bound(context, simulate_principal));
  add_plain(operations, "GetContextKeysForCustomPolicy", "iam:GetContextKeysForCustomPolicy", aws::any_resource(),
            bound(context, keys_of_custom));
  add_plain(operations, "GetContextKeysForPrincipalPolicy", "iam:GetContextKeysForPrincipalPolicy", on_source,
            bound(context, keys_of_principal));
  return operations;
}

}  // namespace millrace::iam
