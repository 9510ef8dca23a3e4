#include "app/cli.h"

#include <algorithm>
#include <cstdio>
#include <optional>
#include <string>

#include <fmt/core.h>
#include <CLI/CLI.hpp>

#include "app/cli/command_table.h"
#include "app/cli/exit_codes.h"
#include "app/commands.h"
#include "app/operate/run_traces.h"
#include "app/options.h"
#include "base/log_format.h"
#include "pipelines/schedule/time_zone.h"
#include "proc/child_user.h"

namespace millrace::app {
namespace {

struct Arguments {
  std::string data_dir, key_file, listen = "127.0.0.1:8080", region = "us-east-1", account = "123456789012",
                                  cluster = "kf-sm-workshop", log_level = "warn", log_format = "text",
                                  directory = "lab";
  std::vector<std::string> node_labels, images, import_directories;
  std::string executor = "process", container_engine, child_user;
  bool sandbox = true;
  bool stop_children = false, encrypt_s3 = false;
  std::string task_api = "own", cron_time_zone, otlp_endpoint;
  bool allow_remote = false, json = false, exit = false, no_browser = false;
  std::size_t max_tasks = 16;
  std::uint64_t child_log_limit = proc::kDefaultChildLogLimit;
  std::string keep_runs_for, prune_every = "10m";
  std::optional<std::size_t> keep_runs;
  std::optional<std::uint64_t> keep_run_bytes;
};

void add_server_options(CLI::App& command, Arguments& arguments) {
  command.add_option("--listen", arguments.listen, "Address and port; port 0 lets the system choose")
      ->capture_default_str();
  command.add_option("--key-file", arguments.key_file,
                     "32 bytes, mode 0600, that secrets are sealed with (default: `key` in the data directory, made at "
                     "first use)");
  command.add_option("--region", arguments.region, "The AWS region this server stands for")->capture_default_str();
  command.add_option("--account", arguments.account, "The AWS account id (12 digits)")
      ->capture_default_str()
      ->check([](const std::string& text) {
        return text.size() == 12 && text.find_first_not_of("0123456789") == std::string::npos
                   ? std::string()
                   : "an account id is 12 digits";
      });
  command.add_option("--cluster", arguments.cluster, "Name of the EKS cluster that the worker role belongs to")
      ->capture_default_str();
  command.add_option("--max-running-tasks", arguments.max_tasks, "Tasks that may run at once")
      ->capture_default_str()
      ->check(CLI::Range(1, 1024));
  command
      .add_option("--executor", arguments.executor,
                  "How tasks run: process (their commands on this machine) or container (in their images)")
      ->capture_default_str()
      ->check(CLI::IsMember({"process", "container"}));
  command.add_option(
      "--container-engine", arguments.container_engine,
      "podman or docker, for tasks with --executor container and for SageMaker jobs whose image it has (default: "
      "the first of them on PATH)");
  command
      .add_option("--image", arguments.images,
                  "NAME=DIRECTORY: what stands for an image, whose steps run as processes; DIRECTORY is what `kfp "
                  "component build DIRECTORY --no-build-image` was given; may be repeated")
      ->allow_extra_args(false);
  command
      .add_option("--import-from", arguments.import_directories,
                  "A directory of this machine that pipelines may import artifacts from by path or file:// (default: "
                  "none); may be repeated")
      ->allow_extra_args(false);
  command.add_option(
      "--child-user", arguments.child_user,
      "Who tasks, jobs and model servers run as when the server is root: a user's name, or USER:GROUP in "
      "numbers (default: millrace-task where there is such a user, else a number that nobody has)");
  command
      .add_option("--child-log-limit", arguments.child_log_limit,
                  "Of the output of a task, job or model server so much is kept (such as 64MiB), its beginning and its "
                  "end; at least 4MiB; 0: all of it")
      ->capture_default_str()
      ->transform(CLI::AsSizeValue(false));
  command.add_option("--keep-runs-for", arguments.keep_runs_for,
                     "Finished runs are removed when they ended longer ago than this (such as 30d; default: never)");
  command.add_option("--keep-runs", arguments.keep_runs, "Of the finished runs only so many are kept (default: all)")
      ->check(CLI::NonNegativeNumber);
  command
      .add_option("--keep-run-bytes", arguments.keep_run_bytes,
                  "The files of finished runs take up at most so much (such as 20GiB; default: any)")
      ->transform(CLI::AsSizeValue(false));
  command.add_option("--prune-every", arguments.prune_every, "How often these three are looked at")
      ->capture_default_str();
  command.add_option("--task-api", arguments.task_api, "What steps may use of the pipeline API: own runs, or nothing")
      ->check(CLI::IsMember({"own", "closed"}))
      ->option_text("own|closed");
  command.add_flag("--s3-default-encryption", arguments.encrypt_s3,
                   "Encrypt each new S3 object, as AWS does, and say so; without it those that ask for it");
  command
      .add_option("--cron-time-zone", arguments.cron_time_zone,
                  "Of recurring runs whose cron names no time zone, such as Europe/Berlin (default: UTC)")
      ->envname("CRON_SCHEDULE_TIMEZONE");
  command.add_option(
      "--otlp-endpoint", arguments.otlp_endpoint,
      "A collector of OpenTelemetry that gets a trace of each run that has ended, over HTTP as JSON, such "
      "as http://localhost:4318 (default: none)");
  command.add_flag("!--no-sandbox", arguments.sandbox, "Run tasks without namespaces of their own");
  command.add_option("--node-label", arguments.node_labels, "key=value: a label of the node, for node selectors");
  command.add_flag("--allow-remote", arguments.allow_remote, "Listen beyond loopback, unencrypted");
}

void add_data_dir(CLI::App& command, Arguments& arguments, const std::string& what) {
  command.add_option("--data-dir", arguments.data_dir, what);
}

// Where the path leads once links are followed: what is hidden from tasks is hidden by its place.
std::filesystem::path resolved(const std::filesystem::path& path) {
  std::error_code error;
  const auto absolute = std::filesystem::absolute(path);
  auto canonical = std::filesystem::weakly_canonical(absolute, error);
  return error ? absolute : canonical;
}

Result<ServeOptions> serve_options(const Arguments& arguments) {
  ServeOptions options;
  options.data_dir = arguments.data_dir;
  if (!arguments.key_file.empty()) options.key_file = resolved(arguments.key_file);
  MR_TRY(parse_listen(arguments.listen, options));
  options.allow_remote = arguments.allow_remote;
  options.stop_children = arguments.stop_children;
  options.region = arguments.region;
  options.account = arguments.account;
  options.cluster_name = arguments.cluster;
  options.max_running_tasks = arguments.max_tasks;
  options.sandbox = arguments.sandbox;
  if (!arguments.child_user.empty()) MR_TRY(proc::choose_child_user(arguments.child_user));
  options.child_log_limit = arguments.child_log_limit;
  if (!arguments.keep_runs_for.empty())
    options.retention.older_than_seconds = MR_TRY(parse_age(arguments.keep_runs_for));
  options.retention.keep = arguments.keep_runs;
  options.retention.max_bytes = arguments.keep_run_bytes;
  options.prune_every = Millis(1'000 * std::max<std::int64_t>(MR_TRY(parse_age(arguments.prune_every)), 1));
  options.task_api = arguments.task_api == "closed" ? pipelines::TaskApi::closed : pipelines::TaskApi::own;
  options.encrypt_s3 = arguments.encrypt_s3;
  if (!arguments.otlp_endpoint.empty()) options.traces_url = MR_TRY(traces_url(arguments.otlp_endpoint));
  options.cron_time_zone = arguments.cron_time_zone;
  if (!options.cron_time_zone.empty()) MR_TRY(pipelines::schedule::TimeZone::find(options.cron_time_zone));
  options.containers = arguments.executor == "container";
  options.container_engine = arguments.container_engine;
  for (const std::string& image : arguments.images) MR_TRY(add_image(image, options));
  for (const std::string& directory : arguments.import_directories)
    options.import_directories.push_back(std::filesystem::absolute(directory));
  for (const std::string& label : arguments.node_labels) MR_TRY(add_node_label(label, options));
  return options;
}

int refuse(const Error& error) {
  fmt::print(stderr, "millrace: {}\n", error.message);
  return kUsage;
}

// The first word where it names no command: the library would only say that one is missing.
std::optional<std::string> unknown_command(const CLI::App& app, int argc, char** argv) {
  if (argc < 2 || argv[1][0] == '-') return std::nullopt;
  const auto commands = app.get_subcommands([&](const CLI::App* command) { return command->get_name() == argv[1]; });
  return commands.empty() ? std::optional<std::string>(argv[1]) : std::nullopt;
}

std::filesystem::path data_dir_or_default(const Arguments& arguments) {
  return resolved(arguments.data_dir.empty() ? default_data_dir() : std::filesystem::path(arguments.data_dir));
}

}  // namespace

int cli_main(int argc, char** argv) {
  Arguments arguments;
  CLI::App app("Millrace: Kubeflow Pipelines with SageMaker components, in one program.", "millrace");
  app.set_version_flag("--version", "millrace " + std::string(kVersion));
  app.require_subcommand(1);
  app.fallthrough();
  app.add_option("--log-level", arguments.log_level, "trace, debug, info, warn, error or off")->capture_default_str();
  app.add_option("--log-format", arguments.log_format, "text, or json: one object a line")
      ->capture_default_str()
      ->check(CLI::IsMember({"text", "json"}));

  CLI::App& serve = *app.add_subcommand("serve", "Run the server");
  serve.footer(
      "Examples:\n  millrace serve\n  millrace serve --data-dir ~/millrace --listen 127.0.0.1:9000\n  millrace serve "
      "--image "
      "example.com/adds:1=./components");
  add_data_dir(serve, arguments, "Where everything is kept (default: $MILLRACE_DATA_DIR or ~/.local/share/millrace)");
  add_server_options(serve, arguments);
  serve.add_flag("--stop-children", arguments.stop_children,
                 "End the processes of runs, jobs and endpoints with the server; without it they go on, and the next "
                 "start adopts them");

  CLI::App& env = *app.add_subcommand("env", "Print the environment for a shell that talks to the server");
  env.footer("Example:\n  eval \"$(millrace env)\"\n  aws sts get-caller-identity");
  add_data_dir(env, arguments, "The server's data directory");
  env.add_flag("--json", arguments.json, "One JSON object instead of shell lines");

  CLI::App& lab = *app.add_subcommand("lab", "Run the lab: MNIST digits, from raw data to an endpoint");
  lab.footer("Examples:\n  millrace lab\n  millrace lab --exit --json");
  add_data_dir(lab, arguments, "Where everything is kept (default: a fresh directory, removed at the end)");
  add_server_options(lab, arguments);
  lab.add_flag("--exit", arguments.exit, "End when the lab is done instead of serving until Ctrl-C");
  lab.add_flag("--json", arguments.json, "One JSON object on standard output at the end");

  CLI::App& notebook = *app.add_subcommand("notebook", "Open the lab's notebook in JupyterLab");
  notebook.footer("Example:\n  millrace serve &\n  millrace notebook --directory ~/millrace-lab");
  add_data_dir(notebook, arguments, "The running server's data directory");
  notebook.add_option("--directory", arguments.directory, "Where the notebook and its files are put")
      ->capture_default_str();
  notebook.add_flag("--no-browser", arguments.no_browser, "Do not open a browser");

  CommandTable commands(app);
  app.footer(exit_code_table());

  if (const auto word = unknown_command(app, argc, argv))
    return refuse(
        {Code::invalid_argument, fmt::format("\"{}\" is not a command; `millrace --help` lists them", *word)});
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const int code = app.exit(error);
    return code == 0 ? kSucceeded : kUsage;
  }
  if (arguments.log_format == "json") log::set_format(log::Format::json);
  log::set_level(log::parse_level(arguments.log_level, log::Level::warn));

  if (commands.parsed()) return commands.run();
  if (env.parsed()) return env_command(data_dir_or_default(arguments), arguments.json);
  if (notebook.parsed())
    return notebook_command(data_dir_or_default(arguments), arguments.directory, arguments.no_browser);
  auto options = serve_options(arguments);
  if (!options) return refuse(options.error());
  if (serve.parsed()) {
    options->data_dir = data_dir_or_default(arguments);
    return serve_command(*options);
  }
  if (lab.count("--listen") == 0) options->port = 0;  // beside a server that already has the usual port
  if (!arguments.data_dir.empty()) options->data_dir = resolved(arguments.data_dir);
  return lab_command({*options, arguments.exit, arguments.json});
}

}  // namespace millrace::app
