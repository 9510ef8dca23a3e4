#include "app/cli/exit_codes.h"

#include <cstdio>

#include <fmt/core.h>

#include "base/json.h"
#include "base/terminal_text.h"

namespace millrace::app {
namespace {

constexpr ExitMeaning kMeanings[] = {
    {kSucceeded, "done; a run that was shown or watched has succeeded, or is under way"},
    {kFailed, "the run failed; check, preflight, verify and prune: something is wrong or was left"},
    {kUsage, "a command line, file or parameter that cannot be used"},
    {kCanceled, "the run was canceled"},
    {kNoServer, "no server answers"},
    {kNotFound, "there is no such run, task, pipeline, version, experiment, recurring run or decision"},
    {kRefused, "the server refused it as things are now, or something of it could not be done"},
    {kInterrupted, "Ctrl-C"},
};

}  // namespace

std::span<const ExitMeaning> exit_meanings() { return kMeanings; }

std::string exit_code_table() {
  std::string text = "Exit code:\n";
  for (const ExitMeaning& one : kMeanings) text += fmt::format("  {:<4} {}\n", static_cast<int>(one.code), one.meaning);
  text.pop_back();
  return text;
}

int exit_of(const Error& error) {
  switch (error.code) {
    case Code::invalid_argument:
      return kUsage;
    case Code::unavailable:
    case Code::deadline_exceeded:
      return kNoServer;
    case Code::not_found:
      return kNotFound;
    case Code::cancelled:
      return kInterrupted;
    default:
      return kRefused;
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
