#include "components/resource_status.h"

#include <fmt/core.h>

#include "base/strings.h"
#include "components/resource_fields.h"

namespace millrace::components {
namespace {

constexpr std::string_view kRules[] = {"DebugRuleEvaluationStatuses", "ProfilerRuleEvaluationStatuses"};

// An ARN is arn:partition:service:region:account:resource.
Value metadata(const Value& described, const std::string& kind, const std::string& region) {
  std::string arn;
  for (const std::string& member : {kind + "Arn", std::string("JobDefinitionArn")}) {
    if (described.has(member)) arn = described[member].string_or();
  }
  const auto parts = split(arn, ':');
  constexpr std::size_t kPartition = 1, kAccount = 4;
  if (parts.size() <= kAccount) return Value::object({{"arn", arn}, {"region", region}});
  return Value::object(
      {{"arn", arn}, {"ownerAccountID", parts[kAccount]}, {"partition", parts[kPartition]}, {"region", region}});
}

// Without a reason where `reason` is null.
Value condition(std::string_view type, const std::string& time, std::string_view message, const Value& reason) {
  Value condition = Value::object({{"lastTransitionTime", time}, {"message", message}});
  if (!reason.is_null()) condition.set("reason", reason);
  return condition.set("status", "True").set("type", type);
}

// Where the controller looks at a resource's state itself, it says which one that is; else it sets a standing message
// with an empty reason, after the fields that it has filled in late.
Value conditions(const StatusOf& of, const Value& described, const std::string& time) {
  const bool has_state = !of.status_member.empty();
  const std::string message = has_state
                                  ? fmt::format("{} is in {} status.", of.kind, described[of.status_member].string_or())
                                  : "Resource synced successfully";
  const Value reason = has_state ? Value() : Value("");
  constexpr std::string_view kLate = "Late initialization successful";
  const Value synced = condition("ACK.ResourceSynced", time, message, reason);
  Value all = Value::array();
  if (has_state) all.push(synced);
  if (of.is_late_initialized) all.push(condition("ACK.LateInitialized", time, kLate, kLate));
  if (!has_state) all.push(synced);
  return all.push(condition("Ready", time, message, reason));
}

}  // namespace

Value resource_status(const StatusOf& of, const Value& described, const std::string& region, Time now) {
  Value status = from_api(resource_fields(of.kind, "status"), Value::object(described.members()));
  if (!status.is_object()) status = Value::object();
  status.set("ackResourceMetadata", metadata(described, std::string(of.kind), region));
  return status.set("conditions", conditions(of, described, format_rfc3339(now)));
}

std::string failed_rule(const Value& described) {
  for (const std::string_view rules : kRules) {
    for (const Value& rule : described[rules].items()) {
      const std::string state = rule["RuleEvaluationStatus"].string_or();
      if (state != "Error" && state != "IssuesFound") continue;
      return fmt::format("The rule {} ended with {}.", rule["RuleConfigurationName"].string_or(), state);
    }
  }
  return {};
}

bool rules_have_ended(const Value& described) {
  for (const std::string_view rules : kRules) {
    if (rules == kRules[1] && described["ProfilingStatus"].string_or("Disabled") == "Disabled") continue;
    for (const Value& rule : described[rules].items()) {
      const std::string state = rule["RuleEvaluationStatus"].string_or();
      if (state == "InProgress" || state == "Stopping") return false;
    }
  }
  return true;
}

}  // namespace millrace::components
