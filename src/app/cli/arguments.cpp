#include "app/cli/arguments.h"

#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>

#include <CLI/CLI.hpp>

#include "base/strings.h"

namespace millrace::app {
namespace {

constexpr std::string_view kRunHelp =
    "RUN is an id, the beginning of one, a run's name (the newest that has it), or latest.";
constexpr std::string_view kOutcome =
    "Exit code:\n"
    "  0    succeeded\n"
    "  1    the run failed, or the server refused\n"
    "  2    a file, parameter or command line that cannot be used\n"
    "  3    the run was stopped\n"
    "  4    no server\n"
    "  130  Ctrl-C";

std::string footer(const std::string& examples, std::string_view more = {}) {
  std::string text = "Examples:\n" + examples + "\n";
  if (!more.empty()) text += "\n" + std::string(more);
  return text + "\n" + std::string(kOutcome);
}

// What a person calls a run's state, and KFP does.
constexpr std::pair<std::string_view, std::string_view> kStates[] = {
    {"pending", "PENDING"},    {"running", "RUNNING"},     {"succeeded", "SUCCEEDED"}, {"failed", "FAILED"},
    {"stopping", "CANCELING"}, {"canceling", "CANCELING"}, {"stopped", "CANCELED"},    {"canceled", "CANCELED"}};

std::optional<std::string> state_of(std::string_view word) {
  for (const auto& [name, state] : kStates) {
    if (equals_ignore_case(word, name)) return std::string(state);
  }
  return std::nullopt;
}

}  // namespace

struct RunCommands::Impl {
  CLI::App& app;
  RunOptions run;
  RunsOptions runs;
  LogsOptions logs;
  OneRunOptions get, stop, retry;
  CheckOptions check;
  IamExplainOptions explain;
  IamLeastPrivilegeOptions least_privilege;
  IamPreflightOptions preflight;
  PruneOptions prune;
  std::string shell;
  CLI::App *iam_app, *explain_app, *least_privilege_app, *preflight_app;
  CLI::App *run_app, *runs_app, *logs_app, *get_app, *stop_app, *retry_app, *check_app, *completion_app, *prune_app;

  explicit Impl(CLI::App& parent) : app(parent) {
    add_run();
    add_runs();
    add_others();
    add_iam();
    add_prune();
  }

  static void add_common(CLI::App& command, CommonOptions& options,
                         const std::string& json = "JSON on standard output") {
    command.add_option("--url", options.address.url, "The server (default: $MILLRACE_URL, else the one of --data-dir)");
    command.add_option("--data-dir", options.address.data_dir,
                       "The data directory of the server (default: $MILLRACE_DATA_DIR or ~/.local/share/millrace)");
    command.add_flag("--json", options.json, json);
  }

  CLI::App* add_one(const std::string& name, const std::string& what, OneRunOptions& options,
                    const std::string& examples) {
    CLI::App* command = app.add_subcommand(name, what);
    command->add_option("RUN", options.run, std::string(kRunHelp))->required();
    command->add_flag("-w,--watch", options.watch, "Show the tasks until the run has ended");
    add_common(*command, options);
    command->footer(footer(examples));
    return command;
  }

  void add_run() {
    run_app = app.add_subcommand("run", "Run a pipeline");
    run_app->add_option("FILE", run.file, "A pipeline: .yaml, .json, .zip, .tar.gz, or .py (compiled with your kfp)")
        ->required();
    run_app
        ->add_option("-p,--parameter", run.parameters,
                     "name=value, typed as the pipeline says (JSON for lists and structs); name=@path reads a file")
        ->allow_extra_args(false);
    run_app->add_option("--name", run.name, "What the run is called (default: the pipeline's name)");
    run_app->add_option("--experiment", run.experiment, "Name or id of the experiment it belongs to");
    run_app->add_flag("-w,--watch", run.watch, "Show the tasks until the run has ended");
    run_app->add_flag("--local", run.local,
                      "Without a server: in a server of its own that ends with the run (in --data-dir, or nowhere)");
    run_app
        ->add_option(
            "--image", run.images,
            "With --local: NAME=DIRECTORY, what stands for an image (see millrace serve --help); may be repeated")
        ->allow_extra_args(false)
        ->needs("--local");
    add_common(*run_app, run);
    run_app->footer(
        footer("  millrace run hello.yaml -p text=Hi --watch\n"
               "  millrace run train.py -p 'grid=[1, 2, 3]' -p config=@config.json\n"
               "  millrace run hello.yaml --local"));
  }

  void add_runs() {
    runs_app = app.add_subcommand("runs", "List runs, the newest first");
    runs_app
        ->add_option("--state", runs.state,
                     "Only these: pending, running, succeeded, failed, stopping, stopped (or canceling, canceled)")
        ->transform([](const std::string& text) { return state_of(text).value_or(text); })
        ->check([](const std::string& text) {
          return state_of(text) ? std::string() : "a state is pending, running, succeeded, failed, stopping or stopped";
        });
    runs_app->add_option("--experiment", runs.experiment, "Only those of this experiment (name or id)");
    runs_app->add_option("-n,--limit", runs.limit, "At most so many")
        ->capture_default_str()
        ->check(CLI::Range(1, 10'000));
    runs_app->add_flag("-q,--quiet", runs.quiet, "Only the ids");
    add_common(*runs_app, runs);
    runs_app->footer(footer("  millrace runs\n  millrace runs --state failed --limit 5\n  millrace runs --json"));
  }

  static void add_owner(CLI::App& command, IamOptions& options) {
    command.add_option("--data-dir", options.data_dir,
                       "The data directory of the server (default: $MILLRACE_DATA_DIR or ~/.local/share/millrace)");
    command.add_flag("--json", options.json, "JSON on standard output");
  }

  void add_iam() {
    iam_app = app.add_subcommand("iam", "Why a call was denied, and which policies are enough");
    iam_app->require_subcommand(1);
    explain_app =
        iam_app->add_subcommand("explain", "Show how the policies came to a decision, statement by statement");
    explain_app->add_option("REQUEST", explain.request, "A request id (default: the latest request that was denied)");
    explain_app->add_option("--run", explain.run, "Only calls of this run's steps and jobs");
    explain_app->add_flag("--allowed", explain.allowed, "Also what was allowed");
    explain_app->add_flag("-l,--list", explain.list, "List the latest decisions instead");
    explain_app->add_option("-n,--limit", explain.limit, "At most so many with --list")
        ->capture_default_str()
        ->check(CLI::Range(1, 200));
    explain_app->add_flag("-a,--all", explain.all, "Also the statements that speak of other actions");
    add_owner(*explain_app, explain);
    explain_app->footer(
        "Examples:\n  millrace iam explain\n  millrace iam explain 6f1c2d3e-0a1b-4c5d-8e9f-0123456789ab\n"
        "  millrace iam explain --run latest --list\n  millrace iam explain --allowed --all --json\n\n"
        "Decisions are kept in memory: the latest 512 denials and 1,024 others of the running server.");
    least_privilege_app =
        iam_app->add_subcommand("least-privilege", "The smallest policies under which a run would have passed");
    least_privilege_app->add_option("--run", least_privilege.run, std::string(kRunHelp))->required();
    least_privilege_app->add_flag("--verify", least_privilege.verify, "Run the pipeline again, allowed just that");
    add_owner(*least_privilege_app, least_privilege);
    least_privilege_app->footer(
        "Examples:\n  millrace iam least-privilege --run latest\n"
        "  millrace iam least-privilege --run latest --verify --json\n\n"
        "Exit code: 0; with --verify 1 when the policies were not enough.");
    preflight_app = iam_app->add_subcommand("preflight", "Before a run: which steps would be denied what, and why");
    preflight_app->add_option("FILE", preflight.file, "A pipeline: .yaml, .json, .zip, .tar.gz, or .py")->required();
    preflight_app->add_option("-p,--parameter", preflight.parameters, "name=value, as for `millrace run`")
        ->allow_extra_args(false);
    add_owner(*preflight_app, preflight);
    preflight_app->footer(
        "Example:\n  millrace iam preflight lab/mnist_classification.yaml -p role_arn=$ROLE -p bucket=$BUCKET\n\n"
        "Exit code: 0 nothing would be denied, 1 something would, 2 a file or parameter that cannot be used.");
  }

  void add_prune() {
    prune_app = app.add_subcommand("prune", "Remove finished runs and files that nothing refers to any more");
    prune_app->add_option("--older-than", prune.older_than,
                          "Finished runs that ended longer ago: 30d, 12h, 45m (s, m, h, d or w)");
    prune_app->add_option("--keep", prune.keep, "Of the finished runs all but the latest so many")
        ->check(CLI::NonNegativeNumber);
    prune_app
        ->add_option("--max-bytes", prune.max_bytes,
                     "Of the finished runs the oldest, until the others' files take up at most this: 20GiB, 500MiB")
        ->transform(CLI::AsSizeValue(false));
    prune_app->add_flag("-n,--dry-run", prune.dry_run, "Say what would be removed, and remove nothing");
    prune_app->add_option("--data-dir", prune.data_dir,
                          "The data directory of the server (default: $MILLRACE_DATA_DIR or ~/.local/share/millrace)");
    prune_app->add_flag("--json", prune.json, "JSON on standard output");
    prune_app->footer(
        "Examples:\n  millrace prune --older-than 30d --dry-run\n  millrace prune --keep 100 --max-bytes 20GiB\n"
        "  millrace prune\n\n"
        "A run goes with its rows, logs and files, and with those of its artifacts that no other run refers to. "
        "Without\n"
        "any of the three, no run goes. What belongs to no run, endpoint or artifact any more goes in any case, and\n"
        "Python environments that were not used for 30 days, while no run is under way.\n\n"
        "Exit code: 0; 1 when something could not be removed; 2 a command line that cannot be used; 4 no server.");
  }

  void add_others() {
    get_app = add_one("get", "Show a run: its tasks, their states and durations, its parameters", get,
                      "  millrace get latest\n  millrace get hello --watch\n  millrace get 1f0c --json");
    logs_app = app.add_subcommand("logs", "Print what a run's tasks wrote");
    logs_app->add_option("RUN", logs.run, std::string(kRunHelp))->required();
    logs_app->add_option("TASK", logs.task, "Only this task (or this group): its name or its path, as in loop/0/train");
    logs_app->add_flag("-f,--follow", logs.follow, "Until the run has ended; the exit code is the run's outcome");
    add_common(*logs_app, logs, "An object a line: {\"task\": …, \"line\": …}");
    logs_app->footer(footer("  millrace logs latest\n  millrace logs -f latest train"));
    stop_app = add_one("stop", "Stop a run: its tasks are ended, its exit handlers run", stop,
                       "  millrace stop latest\n  millrace stop 1f0c --watch");
    retry_app = add_one("retry", "Run again what failed in a run; what succeeded stays", retry,
                        "  millrace retry latest --watch");
    check_app = app.add_subcommand("check", "Say what is wrong with a pipeline file, without a server");
    check_app->add_option("FILE", check.file, "A pipeline: .yaml, .json, .zip, .tar.gz, or .py")->required();
    check_app->add_flag("--json", check.json, "JSON on standard output");
    check_app->footer(
        "Examples:\n  millrace check hello.yaml\n  millrace check train.py --json\n\n"
        "Exit code: 0 nothing is wrong, 1 something is, 2 a command line that cannot be read.");
    completion_app = app.add_subcommand("completion", "Print the completion script of a shell");
    completion_app->add_option("SHELL", shell, "bash, zsh or fish")
        ->required()
        ->check(CLI::IsMember({"bash", "zsh", "fish"}));
    completion_app->footer(
        "Examples:\n  eval \"$(millrace completion bash)\"\n"
        "  millrace completion zsh > ~/.zfunc/_millrace\n"
        "  millrace completion fish > ~/.config/fish/completions/millrace.fish");
  }
};

RunCommands::RunCommands(CLI::App& app) : impl_(std::make_unique<Impl>(app)) {}
RunCommands::~RunCommands() = default;

bool RunCommands::parsed() const {
  const auto commands = {impl_->run_app,   impl_->runs_app,  impl_->logs_app,       impl_->get_app, impl_->stop_app,
                         impl_->retry_app, impl_->check_app, impl_->completion_app, impl_->iam_app, impl_->prune_app};
  return std::any_of(commands.begin(), commands.end(), [](const CLI::App* command) { return command->parsed(); });
}

int RunCommands::run() {
  if (impl_->run_app->parsed()) return run_command(impl_->run);
  if (impl_->runs_app->parsed()) return runs_command(impl_->runs);
  if (impl_->logs_app->parsed()) return logs_command(impl_->logs);
  if (impl_->get_app->parsed()) return get_command(impl_->get);
  if (impl_->stop_app->parsed()) return stop_command(impl_->stop);
  if (impl_->retry_app->parsed()) return retry_command(impl_->retry);
  if (impl_->check_app->parsed()) return check_command(impl_->check);
  if (impl_->explain_app->parsed()) return iam_explain_command(impl_->explain);
  if (impl_->least_privilege_app->parsed()) return iam_least_privilege_command(impl_->least_privilege);
  if (impl_->preflight_app->parsed()) return iam_preflight_command(impl_->preflight);
  if (impl_->prune_app->parsed()) return prune_command(impl_->prune);
  return completion_command(impl_->app, impl_->shell);
}

}  // namespace millrace::app
