#include "components/debug_rules.h"

#include <fmt/core.h>

#include "components/log_lines.h"

namespace millrace::components {
namespace {

void log_rules(const Value& rules, bool last) {
  for (const Value& rule : rules.items()) {
    const std::string state = rule["RuleEvaluationStatus"].string_or();
    const bool error = state == "Error";
    const auto log = error ? log_error : log_info;
    const int padding = error ? 1 : 2;
    std::string details = rule["StatusDetails"].string_or();
    details.erase(details.find_last_not_of(" \t\r\n") + 1);
    log(fmt::format("{:{}}- {}: {}{}", "", padding, rule["RuleConfigurationName"].string_or(), state,
                    last && details.empty() ? "\n" : ""));
    if (last && !details.empty()) log(fmt::format("{:{}}- {}\n", "", padding + 2, details));
  }
  log_info(std::string(50, '*'));
}

}  // namespace

JobStatus debug_rule_status(const Value& description) {
  const Value& rules = description["DebugRuleEvaluationStatuses"];
  JobStatus status;
  status.is_completed = true;
  if (rules.empty()) return status;
  for (const Value& rule : rules.items()) {
    const std::string state = rule["RuleEvaluationStatus"].string_or();
    if (state == "InProgress") status.is_completed = false;
    if (state == "Error") status.has_error = true;
  }
  if (status.is_completed) log_info("Rules have ended with status:\n");
  log_rules(rules, status.is_completed);
  status.raw = status.is_completed ? (status.has_error ? "DebugRulesStatus.ERRORED" : "DebugRulesStatus.COMPLETED")
                                   : "DebugRulesStatus.INPROGRESS";
  if (status.has_error) status.error_message = "A debug rule could not be evaluated.";
  return status;
}

}  // namespace millrace::components
