#include <cstdio>

#include <fmt/core.h>

#include "app/cli/commands.h"
#include "base/json.h"
#include "base/terminal_text.h"

namespace millrace::app {

int exit_of(const Error& error) {
  switch (error.code) {
    case Code::invalid_argument:
      return kUsage;
    case Code::unavailable:
      return kNoServer;
    case Code::cancelled:
      return kInterrupted;
    default:
      return kFailed;
  }
}

int exit_of_state(std::string_view state) {
  return state == "FAILED" ? kFailed : state == "CANCELED" ? kCanceled : kSucceeded;
}

int report(const Error& error, bool json) {
  std::fflush(stdout);
  if (error.code == Code::cancelled) return kInterrupted;
  fmt::print(stderr, "millrace: {}\n", terminal_text(error.message));
  if (json) {
    const Value object = Value::object({{"code", code_name(error.code)}, {"message", error.message}});
    fmt::print("{}\n", to_json_pretty(Value::object({{"error", object}})));
  }
  return exit_of(error);
}

}  // namespace millrace::app
