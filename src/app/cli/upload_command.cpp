// millrace upload FILE

#include <fmt/core.h>

#include "app/cli/command.h"
#include "app/cli/find.h"
#include "app/cli/package.h"
#include "base/encode.h"
#include "base/terminal_text.h"

namespace millrace::app {
namespace {

class Upload final : public ClientCommand {
 public:
  void declare(Syntax& syntax) override {
    syntax.argument("FILE", file_, "A pipeline: .yaml, .json, .zip, .tar.gz, or .py (compiled with your kfp)");
    syntax.text("--name", name_, "What the pipeline, or the version, is called (default: the pipeline's own name)");
    syntax.text("--pipeline", pipeline_, "Add a version to this pipeline (name or id) instead of a new pipeline");
    syntax.text("--description", description_, "What it is for");
    declare_server(syntax);
    declare_json(syntax);
    syntax.examples(
        "  millrace upload hello.yaml\n"
        "  millrace upload hello.yaml --pipeline hello --name second\n");
  }

  Result<int> run() override {
    const PipelineFile file = MR_TRY(open_pipeline(file_));
    if (!file.findings.empty()) {
      std::string text = findings_text(file_, file);
      text.pop_back();
      return fail(Code::invalid_argument, fmt::format("{} cannot be uploaded\n{}", file_, text));
    }
    const auto client = MR_TRY(connect());
    return pipeline_.empty() ? upload_pipeline(*client, file) : upload_version(*client, file);
  }

 private:
  std::string query(const std::string& name) const {
    return fmt::format("name={}&description={}", percent_encode(name), percent_encode(description_));
  }

  Result<int> upload_pipeline(ApiClient& client, const PipelineFile& file) const {
    const std::string name = name_.empty() ? file.spec->name : name_;
    auto made = client.upload("/pipelines/upload?" + query(name), file.text);
    if (!made && made.error().code == Code::already_exists) {
      return fail(Code::already_exists,
                  fmt::format("there is a pipeline \"{}\" already; add a version with --pipeline {}, or choose "
                              "another --name",
                              name, name));
    }
    const Value pipeline = MR_TRY(std::move(made));
    const std::string shown = terminal_line(pipeline["display_name"].string_or());
    say(pipeline, fmt::format("{} is pipeline {}\nrun it      millrace run --pipeline {}", shown,
                              pipeline["pipeline_id"].string_or(), shown));
    return kSucceeded;
  }

  Result<int> upload_version(ApiClient& client, const PipelineFile& file) const {
    const Value pipeline = MR_TRY(find_pipeline(client, pipeline_));
    if (name_.empty())
      return fail(Code::invalid_argument, "a version needs a name that the pipeline has not yet: add --name");
    auto made = client.upload(fmt::format("/pipelines/upload_version?pipelineid={}&{}",
                                          percent_encode(pipeline["pipeline_id"].string_or()), query(name_)),
                              file.text);
    if (!made && made.error().code == Code::already_exists) {
      return fail(Code::already_exists, fmt::format("{} has a version \"{}\" already; choose another --name",
                                                    terminal_line(pipeline["display_name"].string_or()), name_));
    }
    const Value version = MR_TRY(std::move(made));
    const std::string shown = terminal_line(version["display_name"].string_or());
    say(version, fmt::format("{} is version {}\nrun it      millrace run --pipeline {} --pipeline-version {}", shown,
                             version["pipeline_version_id"].string_or(),
                             terminal_line(pipeline["display_name"].string_or()), shown));
    return kSucceeded;
  }

  std::string file_, name_, pipeline_, description_;
};

}  // namespace

std::unique_ptr<Command> make_upload() { return std::make_unique<Upload>(); }

}  // namespace millrace::app
