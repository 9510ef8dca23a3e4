// millrace run FILE, millrace run --pipeline PIPELINE

#include <cstdio>
#include <filesystem>
#include <optional>

#include <fmt/core.h>

#include "app/cli/command.h"
#include "app/cli/parameters.h"
#include "app/cli/submission.h"
#include "app/client_files.h"
#include "app/commands.h"
#include "app/prune/operator_api.h"
#include "app/server.h"
#include "app/stop_watch.h"
#include "base/file.h"
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

class Run final : public ClientCommand {
 public:
  void declare(Syntax& syntax) override {
    options_.declare_source(syntax);
    options_.declare_settings(syntax);
    syntax.flag("-w,--watch", watch_, "Show the tasks until the run has ended");
    syntax.flag("--local", local_,
                "Without a server: in a server of its own that ends with the run (in --data-dir, or nowhere)");
    syntax.texts("--image", images_,
                 "With --local: NAME=DIRECTORY, the directory that represents an image (see millrace serve --help); "
                 "may be repeated");
    syntax.needs("--image", "--local");
    syntax.excludes("--local", "--pipeline");
    declare_server(syntax);
    declare_json(syntax);
    syntax.examples(
        "  millrace run hello.yaml -p text=Hi --watch\n"
        "  millrace run train.py -p 'grid=[1, 2, 3]' -p config=@config.json\n"
        "  millrace run --pipeline hello --pipeline-version second --no-cache\n"
        "  millrace run hello.yaml --local\n");
  }

  Result<int> run() override {
    if (options_.file.empty() && options_.pipeline.empty())
      return fail(Code::invalid_argument, "name a pipeline: FILE, or --pipeline for one on the server");
    Source source;
    Value parameters;
    // Before a server is looked for: what is wrong with a file and its parameters is wrong without one.
    if (options_.pipeline.empty()) {
      source = MR_TRY(source_of_file(options_.file));
      parameters = MR_TRY(type_parameters(*source.spec, options_.parameters));
    }
    LocalServer local;
    if (local_) {
      MR_TRY(local.start(address_.data_dir, images_));
      address_ = {local.server->endpoint(), ""};
    }
    const auto client = MR_TRY(connect());
    if (local_) client->present(MR_TRY(local.operator_token()));
    if (!options_.pipeline.empty()) {
      source = MR_TRY(source_of_pipeline(*client, options_.pipeline, options_.version));
      parameters = MR_TRY(type_parameters(*source.spec, options_.parameters));
    }
    const Value message = MR_TRY(submission(*client, std::move(source), std::move(parameters), options_));
    const Value created = MR_TRY(client->call("POST", "/runs", message));
    auto code = present_started(*client, created, watch_ || local_, json_);
    if (!code && code.error().code == Code::cancelled && local_)
      fmt::print(stderr, "Interrupted: the run is stopped.\n");
    return code;
  }

 private:
  SubmissionOptions options_;
  std::vector<std::string> images_;  // of a local run: NAME=DIRECTORY
  bool watch_ = false, local_ = false;
};

}  // namespace

std::unique_ptr<Command> make_run() { return std::make_unique<Run>(); }

}  // namespace millrace::app
