// millrace run FILE

#include <cstdio>
#include <filesystem>
#include <optional>

#include <fmt/core.h>

#include "app/cli/client.h"
#include "app/cli/commands.h"
#include "app/cli/package.h"
#include "app/cli/parameters.h"
#include "app/cli/tree.h"
#include "app/cli/watch.h"
#include "app/client_files.h"
#include "app/commands.h"
#include "app/prune/operator_api.h"
#include "app/server.h"
#include "app/stop_watch.h"
#include "base/file.h"
#include "base/json.h"
#include "iam/iam.h"

namespace millrace::app {
namespace {

// A server of its own for one run: ended with it.
struct LocalServer {
  std::optional<TempDir> scratch;
  std::filesystem::path directory;
  std::unique_ptr<Server> server;

  Status start(const std::string& data_dir, const std::vector<std::string>& images) {
    ServeOptions options;
    options.port = 0;
    for (const std::string& image : images) MR_TRY(add_image(image, options));
    block_signals();
    if (data_dir.empty()) {
      scratch.emplace(MR_TRY(TempDir::make("millrace-run")));
      options.data_dir = scratch->path();
    } else {
      options.data_dir = std::filesystem::absolute(data_dir);
    }
    directory = options.data_dir;
    server = MR_TRY(Server::start(options));
    return {};
  }
  Result<std::string> operator_token() const {
    return OperatorApi::token_of(MR_TRY(iam::read_encryption_key(key_file_of(DataLayout(directory)).string())));
  }
  ~LocalServer() {
    if (!server) return;
    StopWatch watch(StopWatch::Begin::now);
    server->stop(Server::Children::stop, watch.phase());
    server.reset();
  }
};

Result<Value> message_of(const RunOptions& options, DoorClient& client, const PipelineFile& pipeline) {
  Value config = Value::object({{"parameters", MR_TRY(type_parameters(*pipeline.spec, options.parameters))}});
  Value message = Value::object();
  message.set("display_name", options.name.empty() ? pipeline.spec->name : options.name);
  message.set("pipeline_spec", pipeline.message);
  message.set("runtime_config", std::move(config));
  if (!options.experiment.empty()) message.set("experiment_id", MR_TRY(client.find_experiment(options.experiment)));
  return message;
}

Result<int> run(const RunOptions& options) {
  const PipelineFile pipeline = MR_TRY(open_pipeline(options.file));
  if (!pipeline.findings.empty()) {
    std::string text = findings_text(options.file, pipeline);
    text.pop_back();
    return fail(Code::invalid_argument, fmt::format("{} cannot be run\n{}", options.file, text));
  }
  // Before a server is looked for: what is wrong with the parameters is wrong without one.
  MR_TRY(type_parameters(*pipeline.spec, options.parameters));
  LocalServer local;
  Address address = options.address;
  if (options.local) {
    MR_TRY(local.start(options.address.data_dir, options.images));
    address = {local.server->endpoint(), ""};
  }
  const auto client = MR_TRY(DoorClient::open(address, text_for(options.json)));
  if (options.local) client->present(MR_TRY(local.operator_token()));
  const Value created = MR_TRY(client->call("POST", "/runs", MR_TRY(message_of(options, *client, pipeline))));
  const std::string id = created["run_id"].string_or();
  const bool watch = options.watch || options.local;
  if (!watch) {
    if (options.json) {
      fmt::print("{}\n", to_json_pretty(created));
    } else {
      fmt::print("{} is run {}\nwatch it    millrace get {} --watch\nits page    {}/#/runs/details/{}\n",
                 created["display_name"].string_or(), id, id.substr(0, 8), client->endpoint(), id);
    }
    return kSucceeded;
  }
  const auto ended = watch_run(*client, id, options.json ? stderr : stdout);
  if (!ended) {
    if (ended.error().code == Code::cancelled) fmt::print(stderr, "Interrupted: the run is stopped.\n");
    return fail(ended.error());
  }
  if (options.json) fmt::print("{}\n", to_json_pretty(*ended));
  std::fflush(stdout);
  return exit_of_state(run_state(*ended));
}

}  // namespace

int run_command(const RunOptions& options) {
  const auto code = run(options);
  return code ? *code : report(code.error(), options.json);
}

}  // namespace millrace::app
