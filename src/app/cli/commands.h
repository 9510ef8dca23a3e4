#pragma once
// The commands about pipelines and runs, once their arguments are read. Each is an ordinary client of the KFP door
// and returns the exit code.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "app/options.h"
#include "base/result.h"

namespace CLI {
class App;
}

namespace millrace::app {

// Exit codes, as --help documents them.
enum Exit : int {
  kSucceeded = 0,
  kFailed = 1,        // the run failed, or the server refused
  kUsage = 2,         // a command line, pipeline file or parameter that cannot be used
  kCanceled = 3,      // the run was stopped
  kNoServer = 4,      // nothing answers at the address
  kInterrupted = 130  // Ctrl-C
};
int exit_of(const Error& error);
int exit_of_state(std::string_view state);  // of a run that has ended; of any other kSucceeded

// Where the server is: `url`, else $MILLRACE_URL, else what `millrace serve` left in the data directory.
struct Address {
  std::string url, data_dir;
};

struct CommonOptions {
  Address address;
  bool json = false;  // one JSON document on standard output, also for an error
};

// Says the error on standard error (with `json` also as {"error": …} on standard output); returns its exit code.
int report(const Error& error, bool json);

struct RunOptions : CommonOptions {
  std::string file, name, experiment;
  std::vector<std::string> parameters;  // name=value, name=@file
  std::vector<std::string> images;      // of a local run: NAME=DIRECTORY
  bool watch = false, local = false;
};
int run_command(const RunOptions& options);

struct RunsOptions : CommonOptions {
  std::string state, experiment;
  std::size_t limit = 20;
  bool quiet = false;  // ids alone
};
int runs_command(const RunsOptions& options);

struct LogsOptions : CommonOptions {
  std::string run, task;
  bool follow = false;
};
int logs_command(const LogsOptions& options);

struct OneRunOptions : CommonOptions {
  std::string run;
  bool watch = false;
};
int get_command(const OneRunOptions& options);
int stop_command(const OneRunOptions& options);
int retry_command(const OneRunOptions& options);

struct CheckOptions {
  std::string file;
  bool json = false;
};
int check_command(const CheckOptions& options);

// `millrace iam …`: on the machine of the data directory, whose key they read.
struct IamOptions {
  std::string data_dir;
  bool json = false;
};
struct IamExplainOptions : IamOptions {
  std::string request, run;  // request empty: the latest denied one
  bool allowed = false;      // … or allowed
  bool list = false, all = false;
  std::size_t limit = 20;
};
int iam_explain_command(const IamExplainOptions& options);

struct IamLeastPrivilegeOptions : IamOptions {
  std::string run;
  bool verify = false;
};
int iam_least_privilege_command(const IamLeastPrivilegeOptions& options);

struct IamPreflightOptions : IamOptions {
  std::string file;
  std::vector<std::string> parameters;
};
int iam_preflight_command(const IamPreflightOptions& options);

// `millrace prune`: on the machine of the data directory, whose key it reads.
struct PruneOptions {
  std::string data_dir, older_than;
  std::optional<std::size_t> keep;
  std::optional<std::uint64_t> max_bytes;
  bool dry_run = false, json = false;
};
int prune_command(const PruneOptions& options);

// Prints the script for "bash", "zsh" or "fish": made from the commands and options that `app` has.
int completion_command(const CLI::App& app, const std::string& shell);

}  // namespace millrace::app
