// Placeholders in a command line, one argument a line.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/strings.h"
#include "pipelines/executors/placeholders.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace millrace;
  static const Value input = *parse_json(R"({
    "inputs": {"parameterValues": {"x": "text", "n": 2.0, "l": [1, {"a": null}]},
               "artifacts": {"a": {"artifacts": [{"name": "a", "uri": "minio://b/a", "metadata": {"k": "v"}}]}}},
    "outputs": {"parameters": {"o": {"outputFile": "/tmp/o"}}, "artifacts": {"b": {"artifacts": [{"uri": "s3://b/c"}]}},
                "outputFile": "/tmp/out"}})");
  pipelines::executors::PlaceholderContext context;
  context.executor_input = &input;
  context.job_name = "job";
  std::vector<std::string> arguments;
  for (const std::string_view line : split(std::string_view(reinterpret_cast<const char*>(data), size), '\n'))
    arguments.emplace_back(line);
  (void)pipelines::executors::substitute_arguments(arguments, context);
  return 0;
}
