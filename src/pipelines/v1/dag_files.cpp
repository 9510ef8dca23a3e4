// Tasks that write a file, where an artifact is given as text.

#include <fmt/core.h>

#include "pipelines/v1/dag_compiler.h"
#include "pipelines/v1/workflow.h"

namespace millrace::pipelines::v1 {
namespace {

using Kind = Tag::Kind;

// Text into a file: <text> <file>.
constexpr std::string_view kWriteText = R"sh(mkdir -p "$(dirname "$1")" && printf %s "$0" > "$1")sh";

}  // namespace

// A task that writes text into a file, for an artifact that is given as text. `text` has only tags that source()
// knows.
Result<Value> DagCompiler::file_task(const Place& at, const std::string& task, const std::string& artifact,
                                     const Text& text, bool loop, Value& tasks) {
  const std::string name = fmt::format("{}{}-{}", kFilePrefix, task, artifact);
  const std::string label = fmt::format("exec-{}-{}", name_, name), component = fmt::format("comp-{}-{}", name_, name);
  Value parameters = Value::object(), definitions = Value::object();
  std::string written;
  bool of_one_run = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const Tag& tag = text[i];
    if (tag.kind == Kind::text || is_of_the_run(tag.kind)) {
      written += tag.kind == Kind::text ? tag.name : placeholder_of_the_run(tag.kind, spec_);
      of_one_run = of_one_run || tag.kind != Kind::text;
      continue;
    }
    const std::string input = fmt::format("text-{}", i);
    parameters.set(input, MR_TRY(source(at, tag, loop)));
    definitions.set(input, text_definition());
    written += fmt::format("{{{{$.inputs.parameters['{}']}}}}", input);
  }
  output_.executors.set(
      label,
      Value::object(
          {{"container", Value::object({{"image", kHelperImage},
                                        {"command", Value::array({"sh", "-c", kWriteText})},
                                        {"args", Value::array({written, "{{$.outputs.artifacts['file'].path}}"})}})}}));
  Value made = Value::object({{"executorLabel", label}});
  if (!definitions.empty()) made.child("inputDefinitions").set("parameters", std::move(definitions));
  made.child("outputDefinitions").child("artifacts").set("file", file_definition());
  output_.components.set(component, std::move(made));
  Value caller = Value::object(
      {{"componentRef", Value::object({{"name", component}})}, {"taskInfo", Value::object({{"name", name}})}});
  if (!parameters.empty()) caller.child("inputs").set("parameters", std::move(parameters));
  if (!of_one_run) caller.set("cachingOptions", Value::object({{"enableCache", true}}));
  tasks.set(name, std::move(caller));
  return Value::object(
      {{"taskOutputArtifact", Value::object({{"producerTask", name}, {"outputArtifactKey", "file"}})}});
}

// Text that stands in the callee, whose tags are the callee's inputs.
Result<Value> DagCompiler::constant_file(const Place& at, const std::string& name, const std::string& artifact,
                                         const Compiled& callee, const Text& constant,
                                         const std::map<std::string, Text>& texts, bool loop, Value& files) {
  Text text;
  for (const Tag& tag : constant) {
    if (tag.kind != Kind::input_parameter) {
      text.push_back(tag);
      continue;
    }
    const auto given = texts.find(tag.name);
    const auto declared = callee.parameters.find(tag.name);
    if (given != texts.end())
      text.insert(text.end(), given->second.begin(), given->second.end());
    else if (declared != callee.parameters.end() && declared->second)
      text.push_back({Kind::text, *declared->second, {}});
    else
      return at.wrong(fmt::format("the template {} has no input parameter \"{}\"", callee.component, tag.name));
  }
  return file_task(at, name, artifact, text, loop, files);
}

// Made once, for all that ask for it.
Result<Value> DagCompiler::root_file(const Place& at, const std::pair<const std::string, Text>& file) {
  const auto made = root_files_.find(file.first);
  if (made != root_files_.end()) return made->second;
  Value source = MR_TRY(file_task(at, "input", file.first, file.second, false, tasks_));
  return root_files_.emplace(file.first, std::move(source)).first->second;
}

}  // namespace millrace::pipelines::v1
