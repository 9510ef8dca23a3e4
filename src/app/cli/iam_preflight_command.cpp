// millrace iam preflight FILE

#include <cstdio>

#include <fmt/core.h>

#include "app/cli/command.h"
#include "app/cli/identity_client.h"
#include "app/cli/package.h"
#include "app/cli/parameters.h"
#include "app/cli/text.h"
#include "base/json.h"

namespace millrace::app {
namespace {

void print_step(const Value& step) {
  const std::int64_t denied = step["denied"].int_or(0);
  fmt::print("{} {}\n", denied == 0 ? "✓" : "✗", one_line(step["task"].string_or()));
  fmt::print("    as {}\n", one_line(step["identity"].string_or()));
  std::size_t allowed = 0;
  for (const Value& call : step["calls"].items()) {
    if (call["allowed"].bool_or(false)) {
      ++allowed;
      continue;
    }
    fmt::print("    ✗ {} on {}\n", call["action"].string_or(), one_line(call["resource"].string_or()));
    if (call["as"] != step["identity"]) fmt::print("        as {}\n", one_line(call["as"].string_or()));
    fmt::print("        the step {}: {}\n", call["why"].string_or(), one_line(call["because"].string_or()));
    if (call.has("policy"))
      fmt::print("        {} {} {}\n", call["kind"].string_or(), one_line(call["policy"].string_or()),
                 call["sid"].string_or());
  }
  if (allowed > 0) fmt::print("    {} call{} allowed\n", allowed, allowed == 1 ? "" : "s");
  for (const Value& sentence : step["unknown"].items()) fmt::print("    ? {}\n", one_line(sentence.string_or()));
}

class IamPreflight final : public Command {
 public:
  void declare(Syntax& syntax) override {
    syntax.argument("FILE", file_, "A pipeline: .yaml, .json, .zip, .tar.gz, or .py");
    syntax.texts("-p,--parameter", parameters_, "name=value, as for `millrace run`");
    syntax.text("--data-dir", data_dir_, kDataDirHelp);
    declare_json(syntax);
    syntax.examples("  millrace iam preflight lab/mnist_classification.yaml -p role_arn=$ROLE -p bucket=$BUCKET\n",
                    "The exit code is 1 when something would be denied.\n");
  }

  Result<int> run() override {
    const PipelineFile pipeline = MR_TRY(open_pipeline(file_));
    if (!pipeline.findings.empty()) {
      return fail(Code::invalid_argument, fmt::format("{} cannot be run\n{}", file_, findings_text(file_, pipeline)));
    }
    const Value parameters = MR_TRY(type_parameters(*pipeline.spec, parameters_));
    const auto client = MR_TRY(IdentityClient::open(data_dir_, text_for(json_)));
    const Value answer = MR_TRY(
        client->call("POST", "preflight", Value::object({{"pipeline", pipeline.message}, {"parameters", parameters}})));
    const std::int64_t denied = answer["denied"].int_or(0);
    if (json_) {
      fmt::print("{}\n", to_json_pretty(answer));
    } else {
      for (const Value& step : answer["steps"].items()) print_step(step);
      if (denied == 0)
        fmt::print("\nNothing that can be foreseen would be denied.\n");
      else
        fmt::print("\n{} call{} would be denied.\n", denied, denied == 1 ? "" : "s");
    }
    return denied == 0 ? kSucceeded : kFailed;
  }

 private:
  std::string data_dir_, file_;
  std::vector<std::string> parameters_;
};

}  // namespace

std::unique_ptr<Command> make_iam_preflight() { return std::make_unique<IamPreflight>(); }

}  // namespace millrace::app
