#include "app/cli/command_table.h"

#include <map>
#include <string>
#include <vector>

#include <fmt/core.h>
#include <CLI/CLI.hpp>

#include "app/cli/command.h"
#include "base/json.h"

namespace millrace::app {
namespace {

constexpr CommandRow kCommands[] = {
    {"run", "Run a pipeline", make_run},
    {"runs", "List runs, the newest first", make_runs},
    {"get", "Show a run: its tasks, their inputs, outputs and artifacts; fetch them", make_get},
    {"logs", "Print what a run's tasks wrote", make_logs},
    {"stop", "Stop a run: its tasks are ended, its exit handlers run", make_stop},
    {"retry", "Run again what failed in a run; what succeeded stays", make_retry},
    {"clone", "Run a run's pipeline again with its parameters", make_clone},
    {"archive", "Put a run or an experiment away: `runs` does not list it", make_archive},
    {"unarchive", "List a run or an experiment again", make_unarchive},
    {"delete", "Delete a run, pipeline, version or experiment", make_delete},
    {"upload", "Keep a pipeline on the server, or a new version of one", make_upload},
    {"pipelines", "List the pipelines on the server, or the versions of one", make_pipelines},
    {"recurring create", "Run a pipeline at the times of a schedule", make_recurring_create},
    {"recurring list", "List recurring runs", make_recurring_list},
    {"recurring enable", "Let a recurring run start runs again", make_recurring_enable},
    {"recurring disable", "Let a recurring run start no more runs", make_recurring_disable},
    {"recurring delete", "Delete a recurring run; the runs that it started stay", make_recurring_delete},
    {"check", "Say what is wrong with a pipeline file, without a server", make_check},
    {"iam explain", "Show how the policies came to a decision, statement by statement", make_iam_explain},
    {"iam least-privilege", "The smallest policies under which a run would have passed", make_iam_least_privilege},
    {"iam preflight", "Before a run: which steps would be denied what, and why", make_iam_preflight},
    {"prune", "Remove finished runs and files that nothing refers to any more", make_prune},
    {"backup", "Copy a data directory, also while a server uses it", make_backup},
    {"doctor", "Say what this machine lacks, and what is damaged in a data directory", make_doctor},
    {"completion", "Print the completion script of a shell", make_completion},
};

struct Group {
  std::string_view name, what;
};
constexpr Group kGroups[] = {
    {"recurring", "Runs that start by themselves, at the times of a schedule"},
    {"iam", "Why a call was denied, and which policies are enough"},
};

}  // namespace

struct CommandTable::Entry {
  CLI::App* app;
  std::unique_ptr<Syntax> syntax;
  std::unique_ptr<Command> command;
};

struct CommandTable::Impl {
  std::vector<Entry> entries;
};

CommandTable::CommandTable(CLI::App& app) : impl_(std::make_unique<Impl>()) {
  std::map<std::string_view, CLI::App*> groups;
  for (const CommandRow& row : kCommands) {
    const std::size_t blank = row.name.find(' ');
    CLI::App* parent = &app;
    if (blank != std::string_view::npos) {
      CLI::App*& group = groups[row.name.substr(0, blank)];
      for (const Group& one : kGroups) {
        if (group != nullptr || one.name != row.name.substr(0, blank)) continue;
        group = app.add_subcommand(std::string(one.name), std::string(one.what));
        group->require_subcommand(1);
      }
      parent = group;
    }
    const std::string name(blank == std::string_view::npos ? row.name : row.name.substr(blank + 1));
    CLI::App* command = parent->add_subcommand(name, std::string(row.what));
    impl_->entries.push_back({command, std::make_unique<Syntax>(*command), row.make()});
    impl_->entries.back().command->declare(*impl_->entries.back().syntax);
  }
}

CommandTable::~CommandTable() = default;

bool CommandTable::parsed() const {
  for (const Entry& entry : impl_->entries) {
    if (entry.app->parsed()) return true;
  }
  return false;
}

int CommandTable::run() {
  for (const Entry& entry : impl_->entries) {
    if (!entry.app->parsed()) continue;
    const auto code = entry.command->run();
    return code ? *code : report(code.error(), entry.command->json());
  }
  return kUsage;
}

void ClientCommand::declare_server(Syntax& syntax) {
  syntax.text("--url", address_.url, "The server (default: $MILLRACE_URL, else the one of --data-dir)");
  syntax.text("--data-dir", address_.data_dir, kDataDirHelp);
}

void ClientCommand::say(const Value& document, const std::string& text) const {
  if (json_) {
    fmt::print("{}\n", to_json_pretty(document));
  } else {
    fmt::print("{}\n", text);
  }
}

}  // namespace millrace::app
