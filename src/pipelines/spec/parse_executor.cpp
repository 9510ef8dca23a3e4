// deploymentSpec.executors.<label>: a container or an importer.

#include <algorithm>
#include <cmath>

#include <fmt/core.h>

#include "base/strings.h"
#include "pipelines/spec/reading.h"

namespace millrace::pipelines {
namespace {

using reading::only_known;
using reading::refused;
using reading::strings;
using reading::wrong;

// The old fields are numbers (cores, gigabytes), the new ones quantities as text.
Result<std::string> quantity(const Value& resources, std::string_view text_field, std::string_view number_field,
                             std::string_view unit, const std::string& path) {
  if (const Value& text = resources[text_field]; !text.is_null()) {
    const std::string given = text.string_or();
    if (given.find("{{$") == std::string::npos && !parse_quantity(given))
      return wrong(text, path + "." + std::string(text_field), fmt::format("\"{}\" is not a quantity", given));
    return given;
  }
  const double number = resources[number_field].double_or(0);
  if (number == 0) return std::string();
  return fmt::format("{}{}", number, unit);
}

Result<Resources> parse_resources(const Value& value, const std::string& path) {
  MR_TRY(only_known(value, path,
                    {"cpuLimit", "memoryLimit", "cpuRequest", "memoryRequest", "resourceCpuLimit",
                     "resourceMemoryLimit", "resourceCpuRequest", "resourceMemoryRequest", "accelerator"}));
  Resources resources;
  resources.cpu_limit = MR_TRY(quantity(value, "resourceCpuLimit", "cpuLimit", "", path));
  resources.memory_limit = MR_TRY(quantity(value, "resourceMemoryLimit", "memoryLimit", "G", path));
  resources.cpu_request = MR_TRY(quantity(value, "resourceCpuRequest", "cpuRequest", "", path));
  resources.memory_request = MR_TRY(quantity(value, "resourceMemoryRequest", "memoryRequest", "G", path));
  const Value& accelerator = value["accelerator"];
  MR_TRY(only_known(accelerator, path + ".accelerator", {"type", "count", "resourceType", "resourceCount"}));
  resources.accelerator_type = accelerator["resourceType"].string_or(accelerator["type"].string_or());
  const Value& count = accelerator.has("resourceCount") ? accelerator["resourceCount"] : accelerator["count"];
  resources.accelerator_count = count.is_number() ? std::to_string(count.as_int()) : count.string_or();
  return resources;
}

Result<Importer> parse_importer(const Value& value, const std::string& path) {
  MR_TRY(only_known(
      value, path,
      {"artifactUri", "typeSchema", "properties", "customProperties", "reimport", "metadata", "downloadToWorkspace"}));
  Importer importer;
  const Value& uri = value["artifactUri"];
  importer.uri = uri["constant"].string_or();
  if (uri["constant"].is_object()) importer.uri = uri["constant"]["stringValue"].string_or();
  importer.uri_parameter = uri["runtimeParameter"].string_or();
  if (importer.uri.empty() == importer.uri_parameter.empty())
    return wrong(value, path + ".artifactUri", "an importer needs a constant or a runtimeParameter");
  importer.schema_title = value["typeSchema"]["schemaTitle"].string_or("system.Artifact");
  importer.schema_version = value["typeSchema"]["schemaVersion"].string_or("0.0.1");
  importer.reimport = value["reimport"].bool_or(false);
  importer.to_workspace = value["downloadToWorkspace"].bool_or(false);
  // The fields before `metadata` was there; each value is a constant or a parameter's.
  for (const char* field : {"properties", "customProperties"}) {
    for (const auto& [name, property] : value[field].members()) {
      if (property.has("runtimeParameter")) {
        importer.metadata.set(
            name, fmt::format("{{{{$.inputs.parameters['{}']}}}}", property["runtimeParameter"].string_or()));
        continue;
      }
      const Value& constant = property["constant"];
      importer.metadata.set(name,
                            constant.is_object() && constant.size() == 1 ? constant.members()[0].second : constant);
    }
  }
  for (const auto& [name, member] : value["metadata"].members()) importer.metadata.set(name, member);
  return importer;
}

}  // namespace

std::optional<double> parse_quantity(std::string_view text) {
  struct Suffix {
    std::string_view name;
    double factor;
  };
  static constexpr Suffix kSuffixes[] = {{"Ki", 1024.},
                                         {"Mi", 1048576.},
                                         {"Gi", 1073741824.},
                                         {"Ti", 1099511627776.},
                                         {"Pi", 1125899906842624.},
                                         {"Ei", 1152921504606846976.},
                                         {"m", 1e-3},
                                         {"k", 1e3},
                                         {"K", 1e3},
                                         {"M", 1e6},
                                         {"G", 1e9},
                                         {"T", 1e12},
                                         {"P", 1e15},
                                         {"E", 1e18}};
  double factor = 1;
  for (const Suffix& suffix : kSuffixes) {
    if (!text.ends_with(suffix.name)) continue;
    factor = suffix.factor;
    text.remove_suffix(suffix.name.size());
    break;
  }
  const auto number = parse_double(text);
  if (!number || !std::isfinite(*number) || *number < 0) return std::nullopt;
  return *number * factor;
}

namespace reading {

Result<Executor> parse_executor(const Value& value, const std::string& path) {
  MR_TRY(only_known(value, path, {"container", "importer", "resolver", "customJob"}));
  for (const char* kind : {"resolver", "customJob"}) {
    if (value.has(kind)) return refused(value, path, fmt::format("{}s are", kind));
  }
  Executor executor;
  if (value.has("importer")) {
    executor.importer = MR_TRY(parse_importer(value["importer"], path + ".importer"));
    return executor;
  }
  if (!value.has("container")) return wrong(value, path, "an executor needs a container or an importer");
  const Value& container = value["container"];
  MR_TRY(only_known(container, path + ".container", {"image", "command", "args", "env", "resources", "lifecycle"}));
  if (container.has("lifecycle"))
    return refused(container["lifecycle"], path + ".container.lifecycle", "life cycles are");
  if (container["image"].string_or().empty())
    return wrong(container, path + ".container", "a container needs an image");
  executor.image = container["image"].string_or();
  executor.command = MR_TRY(strings(container["command"], path + ".container.command"));
  executor.arguments = MR_TRY(strings(container["args"], path + ".container.args"));
  const Value& environment = container["env"];
  const std::string env_path = path + ".container.env";
  if (!environment.is_null() && !environment.is_array())
    return wrong(environment, env_path, "a list of {name, value} is expected");
  for (const Value& variable : environment.items()) {
    const std::string name = variable["name"].string_or();
    const Value& text = variable["value"];
    if (name.empty() || name.find('=') != std::string::npos || (!text.is_null() && !text.is_string()))
      return wrong(variable, env_path, "a variable has a name without =, and a value that is a string");
    executor.environment.emplace_back(name, text.string_or());
  }
  executor.resources = MR_TRY(parse_resources(container["resources"], path + ".container.resources"));
  return executor;
}

}  // namespace reading
}  // namespace millrace::pipelines
