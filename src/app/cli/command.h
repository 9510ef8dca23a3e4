#pragma once
// A command about pipelines and runs: one file, one row of the table in command_table.cpp.

#include <memory>
#include <string>
#include <string_view>

#include "app/cli/client.h"
#include "app/cli/exit_codes.h"
#include "app/cli/syntax.h"
#include "base/result.h"
#include "base/value.h"

namespace millrace::app {

inline constexpr const char* kRunHelp =
    "RUN is an id, the beginning of one, a run's name (the newest that has it), or latest.";

inline constexpr const char* kDataDirHelp =
    "The data directory of the server (default: $MILLRACE_DATA_DIR or ~/.local/share/millrace)";

class Command {
 public:
  virtual ~Command() = default;
  virtual void declare(Syntax& syntax) = 0;  // options and examples; `syntax` outlives this
  virtual Result<int> run() = 0;             // the exit code; an error is reported, and has its own
  bool json() const { return json_; }

 protected:
  void declare_json(Syntax& syntax, const std::string& what = "JSON on standard output") {
    syntax.flag("--json", json_, what);
  }
  bool json_ = false;  // one JSON document on standard output, also for an error
};

// A client of the server that is named by --url or --data-dir.
class ClientCommand : public Command {
 protected:
  void declare_server(Syntax& syntax);
  Result<std::unique_ptr<ApiClient>> connect() const { return ApiClient::open(address_, text_for(json_)); }
  // Both for people and for machines: the document with --json, else the text.
  void say(const Value& document, const std::string& text) const;
  Address address_;
};

struct CommandRow {
  std::string_view name;  // "get", "recurring create": a command of a group
  std::string_view what;
  std::unique_ptr<Command> (*make)();
};

std::unique_ptr<Command> make_run();
std::unique_ptr<Command> make_runs();
std::unique_ptr<Command> make_get();
std::unique_ptr<Command> make_logs();
std::unique_ptr<Command> make_stop();
std::unique_ptr<Command> make_retry();
std::unique_ptr<Command> make_clone();
std::unique_ptr<Command> make_archive();
std::unique_ptr<Command> make_unarchive();
std::unique_ptr<Command> make_delete();
std::unique_ptr<Command> make_upload();
std::unique_ptr<Command> make_pipelines();
std::unique_ptr<Command> make_recurring_create();
std::unique_ptr<Command> make_recurring_list();
std::unique_ptr<Command> make_recurring_enable();
std::unique_ptr<Command> make_recurring_disable();
std::unique_ptr<Command> make_recurring_delete();
std::unique_ptr<Command> make_check();
std::unique_ptr<Command> make_iam_explain();
std::unique_ptr<Command> make_iam_least_privilege();
std::unique_ptr<Command> make_iam_preflight();
std::unique_ptr<Command> make_prune();
std::unique_ptr<Command> make_backup();
std::unique_ptr<Command> make_doctor();
std::unique_ptr<Command> make_completion();

}  // namespace millrace::app
