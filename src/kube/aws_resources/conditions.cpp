#include "kube/aws_resources/conditions.h"

#include <algorithm>

#include <fmt/core.h>

#include "kube/aws_resources/field_names.h"

namespace millrace::kube {
namespace {

constexpr const char* kSynced = "ACK.ResourceSynced";
constexpr const char* kTerminal = "ACK.Terminal";
constexpr const char* kRecoverable = "ACK.Recoverable";
constexpr const char* kReady = "Ready";
constexpr const char* kIsTerminal = "resource is in terminal condition";

// The service's codes after which nothing but another spec helps; EndpointUpdateError is the controller's own.
constexpr std::string_view kTerminalCodes[] = {
    "ResourceNotFound",      "ResourceInUse",    "InvalidParameterCombination",
    "InvalidParameterValue", "MissingParameter", "EndpointUpdateError"};
// Those that the service's model names; a client shows the others otherwise.
constexpr std::string_view kModelled[] = {"ConflictException", "ResourceInUse", "ResourceLimitExceeded",
                                          "ResourceNotFound"};

struct Condition {
  std::string_view type, status;
  std::string message = {}, reason = {};
};

// The time is that of the last change: conditions that stay as they are make no new version of the object.
void put(Value& status, const Condition& condition, Time now) {
  Value wanted = Value::object({{"type", condition.type}, {"status", condition.status}});
  wanted.set_if(!condition.message.empty(), "message", condition.message);
  wanted.set_if(!condition.reason.empty(), "reason", condition.reason);
  Value& all = status.child("conditions");
  if (!all.is_array()) all = Value::array();
  const auto there = std::ranges::find_if(
      all.as_array(), [&](const Value& each) { return each.at("type").string_or() == condition.type; });
  if (there != all.as_array().end()) {
    wanted.set("lastTransitionTime", there->at("lastTransitionTime"));
    if (*there == wanted) return;
  }
  wanted.set("lastTransitionTime", format_rfc3339(now));
  if (there != all.as_array().end())
    *there = std::move(wanted);
  else
    all.push(std::move(wanted));
}

// Only where it is there: a resource that never failed says nothing about failures.
void clear(Value& status, std::string_view type, Time now) {
  for (const Value& each : status.at("conditions").items()) {
    if (each.at("type").string_or() == type) return put(status, {type, "False"}, now);
  }
}

std::string shown(const Error& error) {
  const std::string code = error.reason.empty() ? "RequestError" : error.reason;
  const bool modelled = std::ranges::find(kModelled, code) != std::end(kModelled);
  return fmt::format("{}{}: {}", modelled ? "" : "api error ", code, error.message);
}

}  // namespace

void set_observed(const AwsKind& kind, const Value& description, Value& status, Time now) {
  for (const std::string_view member : kind.status_members) {
    const std::string field = resource_field(member);
    if (const Value* value = description.find(field))
      status.set(field, *value);
    else
      status.erase(field);
  }
  clear(status, kTerminal, now);
  clear(status, kRecoverable, now);
  Condition synced{kSynced, "True", "Resource synced successfully"};
  if (!kind.status_member.empty()) {
    const std::string word = description.at(resource_field(kind.status_member)).string_or();
    synced.message = fmt::format("{} is in {} status.", kind.kind, word);
    if (std::ranges::find(kind.busy, word) != kind.busy.end()) synced.status = "False";
    if (!kind.failed.empty() && word == kind.failed) {
      const std::string failed =
          fmt::format("{} status reached terminal state: {}. Check the FailureReason.", kind.kind, word);
      put(status, synced, now);
      put(status, {kTerminal, "True", failed}, now);
      return put(status, {kReady, "False", failed, kTerminal}, now);
    }
  }
  put(status, synced, now);
  put(status, {kReady, synced.status, synced.message}, now);
}

Remedy set_refused(const Error& error, Value& status, Time now) {
  const std::string message = shown(error);
  if (std::ranges::find(kTerminalCodes, error.reason) != std::end(kTerminalCodes)) {
    set_terminal(message, "", status, now);
    return Remedy::change_spec;
  }
  clear(status, kTerminal, now);
  put(status, {kRecoverable, "True", message}, now);
  put(status,
      {kSynced, "Unknown", "Unable to determine if desired resource state matches latest observed state", message},
      now);
  put(status, {kReady, "False", message, kRecoverable}, now);
  return Remedy::try_again;
}

void set_terminal(std::string_view message, std::string_view reason, Value& status, Time now) {
  clear(status, kRecoverable, now);
  put(status, {kTerminal, "True", std::string(message), std::string(reason)}, now);
  put(status, {kSynced, "False", "Resource not synced", kIsTerminal}, now);
  put(status, {kReady, "False", std::string(message), kTerminal}, now);
}

}  // namespace millrace::kube
