#pragma once
// How a command says what came of it, and what it says of an error.

#include <span>
#include <string>
#include <string_view>

#include "base/result.h"

namespace millrace::app {

enum Exit : int {
  kSucceeded = 0,
  kFailed = 1,
  kUsage = 2,
  kCanceled = 3,
  kNoServer = 4,
  kNotFound = 5,
  kRefused = 6,
  kInterrupted = 130
};

// What --help and docs/command-line.md say of each.
struct ExitMeaning {
  Exit code;
  std::string_view meaning;
};
std::span<const ExitMeaning> exit_meanings();
std::string exit_code_table();  // the lines of --help

int exit_of(const Error& error);
int exit_of_state(std::string_view state);  // of a run that has ended; of any other kSucceeded

// Says the error on standard error (with `json` also as {"error": …} on standard output); returns its exit code.
int report(const Error& error, bool json);

}  // namespace millrace::app
