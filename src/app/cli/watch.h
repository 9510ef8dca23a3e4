#pragma once
// A run as a person watches it.

#include <cstdio>
#include <string>

#include "app/cli/client.h"
#include "base/result.h"
#include "base/value.h"

namespace millrace::app {

// Until the run has ended: a tree redrawn in place where `out` is a terminal, elsewhere a line for each change. Then
// the last lines of the log of each task that failed (of three at most). What is done for a task before it runs is
// reported where it takes long (preparing.h). Returns the run with its tasks. Errors: cancelled when a blocked SIGINT
// or SIGTERM comes (where they are not blocked, they end the program as usual).
Result<Value> watch_run(ApiClient& client, const std::string& run_id, std::FILE* out);

// How it ended and why, for those who watched nothing.
void print_failure(ApiClient& client, const Value& run, std::FILE* out);

bool is_terminal(std::FILE* out);
bool wants_colour(std::FILE* out);  // a terminal, and NO_COLOR is not set
struct TerminalSize {
  std::size_t width = 100, height = 0;
};
TerminalSize terminal_size(std::FILE* out);

}  // namespace millrace::app
