// millrace check FILE

#include <cstdio>

#include <fmt/core.h>

#include "app/cli/command.h"
#include "app/cli/package.h"
#include "base/json.h"
#include "base/strings.h"
#include "base/terminal_text.h"

namespace millrace::app {
namespace {

Value to_value(const PipelineFile& pipeline) {
  Value problems = Value::array();
  for (const Finding& finding : pipeline.findings) {
    Value problem = Value::object();
    problem.set_if(finding.line > 0, "line", finding.line);
    problem.set_if(!finding.path.empty(), "path", finding.path);
    problem.set("problem", finding.what);
    problems.push(std::move(problem));
  }
  Value object = Value::object({{"ok", pipeline.findings.empty()}, {"problems", std::move(problems)}});
  if (!pipeline.spec) return object;
  object.set("pipeline", pipeline.spec->name);
  Value parameters = Value::object();
  for (const auto& [name, parameter] : pipeline.spec->root.parameters) {
    Value one = Value::object({{"type", pipelines::parameter_type_name(parameter.type)},
                               {"optional", parameter.optional || parameter.default_value.has_value()}});
    if (parameter.default_value) one.set("default", *parameter.default_value);
    parameters.set(name, std::move(one));
  }
  object.set("parameters", std::move(parameters));
  return object;
}

void print_summary(const std::string& file, const pipelines::PipelineSpec& spec) {
  const std::size_t tasks = spec.root.dag ? spec.root.dag->tasks.size() : 1;
  fmt::print("{} is fine: the pipeline {} with {} task{}\n", file, terminal_line(spec.name), tasks,
             tasks == 1 ? "" : "s");
  for (const auto& [name, parameter] : spec.root.parameters) {
    fmt::print("  -p {}=…  {}{}\n", terminal_line(name), pipelines::parameter_type_name(parameter.type),
               parameter.default_value ? ", " + terminal_line(to_json(*parameter.default_value)) + " unless given"
               : parameter.optional    ? ", optional"
                                       : "");
  }
}

class Check final : public Command {
 public:
  void declare(Syntax& syntax) override {
    syntax.argument("FILE", file_, "A pipeline: .yaml, .json, .zip, .tar.gz, or .py");
    syntax.texts("--image", images_, "NAME=DIRECTORY, as the server is started with; may be repeated");
    syntax.text("--executor", executor_, "process (default) or container, as the server is started with");
    syntax.check("--executor", [](std::string& value) {
      return value == "process" || value == "container" ? std::string() : "it is process or container";
    });
    syntax.texts("--node-label", labels_, "key=value, as the server is started with; may be repeated");
    declare_json(syntax);
    syntax.examples(
        "  millrace check hello.yaml\n  millrace check train.py --json\n"
        "  millrace check adds.yaml --image example.com/adds:1=./components\n");
  }

  Result<int> run() override {
    ServeOptions server;
    server.containers = executor_ == "container";
    for (const std::string& image : images_) MR_TRY(add_image(image, server));
    for (const std::string& label : labels_) MR_TRY(add_node_label(label, server));
    auto pipeline = open_pipeline(file_);
    if (!pipeline) {
      // A file that cannot be used at all is a finding too.
      report(pipeline.error(), json_);
      return kFailed;
    }
    if (pipeline->findings.empty()) {
      pipeline->findings = find_machine_problems(*pipeline, server);
      if (!pipeline->findings.empty()) pipeline->spec.reset();
    }
    if (json_) {
      fmt::print("{}\n", to_json_pretty(to_value(*pipeline)));
    } else if (pipeline->spec) {
      print_summary(file_, *pipeline->spec);
    } else {
      const std::size_t count = pipeline->findings.size();
      fmt::print("{}{} problem{}\n", terminal_text(findings_text(file_, *pipeline)), count, count == 1 ? "" : "s");
    }
    return pipeline->findings.empty() ? kSucceeded : kFailed;
  }

 private:
  std::string file_, executor_;
  std::vector<std::string> images_, labels_;
};

}  // namespace

std::unique_ptr<Command> make_check() { return std::make_unique<Check>(); }

}  // namespace millrace::app
