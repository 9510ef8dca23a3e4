#pragma once
// What each command of the program does once its arguments are read. Each returns the exit code.

#include <csignal>
#include <filesystem>
#include <string>

#include "app/options.h"

namespace millrace::app {

inline constexpr std::string_view kVersion = "0.1.0";

// Serves until SIGINT or SIGTERM. The end takes at most StopWatch::kStopLimit; a second signal ends it at once.
int serve_command(const ServeOptions& options);

// Prints the lines for `eval "$(millrace env)"`.
int env_command(const std::filesystem::path& data_dir, bool json);

struct LabOptions {
  ServeOptions serve;  // data_dir empty: a fresh one under the temporary directory
  bool exit_at_end = false;
  bool json = false;  // one object at the end, nothing else on standard output
};
int lab_command(const LabOptions& options);

// Opens the lab's notebook in JupyterLab, with the environment of the running server.
int notebook_command(const std::filesystem::path& data_dir, const std::filesystem::path& directory, bool no_browser);

// SIGINT and SIGTERM.
sigset_t ending_signals();
// Blocks them in this thread and every later one (stop_watch.h waits for them); ignores SIGPIPE.
void block_signals();

}  // namespace millrace::app
