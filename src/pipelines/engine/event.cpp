// Events as JSON, which is how they are stored.

#include <fmt/core.h>

#include "base/json_object.h"
#include "pipelines/engine/engine.h"

namespace millrace::pipelines::engine {

void append_event(std::string& out, const Event& event) {
  static constexpr std::string_view kKinds[] = {"created",   "launched", "finished", "timer",
                                                "terminate", "retry",    "rebooted"};
  JsonObject object(out);
  object.text("kind", kKinds[static_cast<std::size_t>(event.kind)]).number("at", to_epoch_ms(event.at));
  if (!event.boot.empty()) object.text("boot", event.boot);
  if (event.kind == Event::Kind::created) object.number("rules", event.rules);
  if (!event.path.empty()) object.text("path", event.path).number("attempt", event.attempt);
  if (event.kind == Event::Kind::finished) {
    if (event.succeeded) object.flag("succeeded", true);
    if (!event.error.empty()) object.text("error", event.error);
    if (!event.retryable) object.flag("retryable", false);
    if (event.cached) object.flag("cached", true);
    if (!event.counts) object.flag("counts", false);
    if (event.exit_code) object.number("exit_code", *event.exit_code);
    if (!event.output_parameters.empty()) object.value("parameters", event.output_parameters);
    if (!event.output_artifacts.empty()) object.value("artifacts", event.output_artifacts);
  }
  object.end();
}

Event event_from_value(const Value& value) {
  Event event;
  const std::string kind = value["kind"].string_or();
  event.kind = kind == "launched"    ? Event::Kind::launched
               : kind == "finished"  ? Event::Kind::finished
               : kind == "timer"     ? Event::Kind::timer
               : kind == "terminate" ? Event::Kind::terminate
               : kind == "retry"     ? Event::Kind::retry
               : kind == "rebooted"  ? Event::Kind::rebooted
                                     : Event::Kind::created;
  event.at = from_epoch_ms(value["at"].int_or(0));
  event.path = value["path"].string_or();
  event.attempt = static_cast<int>(value["attempt"].int_or(0));
  event.succeeded = value["succeeded"].bool_or(false);
  event.error = value["error"].string_or();
  event.retryable = value["retryable"].bool_or(true);
  event.cached = value["cached"].bool_or(false);
  event.counts = value["counts"].bool_or(true);
  event.boot = value["boot"].string_or();
  if (value["exit_code"].is_integer()) event.exit_code = static_cast<int>(value["exit_code"].as_int());
  event.rules = static_cast<int>(value["rules"].int_or(kOldestRules));
  event.output_parameters = value["parameters"];
  event.output_artifacts = value["artifacts"];
  return event;
}

Status check_rules(int rules) {
  if (rules >= kOldestRules && rules <= kRules) return {};
  return fail(Code::failed_precondition,
              fmt::format("it was started with version {} of the engine's rules, and this program knows {}", rules,
                          kOldestRules == kRules ? fmt::format("version {} only", kRules)
                                                 : fmt::format("versions {} to {}", kOldestRules, kRules)));
}

}  // namespace millrace::pipelines::engine
