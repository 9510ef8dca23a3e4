#include "pipelines/executors/process.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include <fmt/core.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/strings.h"
#include "pipelines/executors/placeholders.h"
#include "pipelines/executors/python_environment.h"

namespace millrace::pipelines::executors {
namespace {

constexpr std::size_t kMaxOutputBytes = 8u << 20;
constexpr std::size_t kLogTail = 600;  // bytes of the log that a failure is described with

std::filesystem::path artifact_path(const Options& options, const RunContext& run, const engine::Node& node,
                                    const std::string& name) {
  return options.directory / "artifacts" / run.pipeline_name / run.run_id / node.path / name;
}

Value artifact_value(const std::string& name, const ArtifactSpec& spec, const std::string& uri) {
  return Value::object(
      {{"artifacts", Value::array({Value::object({{"name", name},
                                                  {"type", Value::object({{"schemaTitle", spec.schema_title},
                                                                          {"schemaVersion", spec.schema_version}})},
                                                  {"uri", uri},
                                                  {"metadata", Value::object()}})})}});
}

PlaceholderContext placeholders(const RunContext& run, const engine::Node& node, const Value& input,
                                const std::string& root) {
  PlaceholderContext context;
  context.executor_input = &input;
  context.job_name = run.display_name;
  context.job_resource_name = run.resource_name;
  context.job_id = run.run_id;
  context.task_name = node.task->name;
  context.task_id = node.path;
  context.pipeline_root = root;
  context.create_time = context.schedule_time = format_rfc3339(run.created);
  return context;
}

// The ExecutorInput of KFP's contract, with every placeholder in parameter values resolved.
Result<Value> executor_input(const Options& options, const RunContext& run, const engine::Node& node,
                             const std::filesystem::path& directory) {
  Value input = Value::object();
  Value& inputs = input.child("inputs");
  inputs.set("parameterValues", node.parameters).set("artifacts", node.artifacts);
  if (node.artifacts.empty()) inputs.erase("artifacts");
  const PlaceholderContext context = placeholders(run, node, input, options.directory / "artifacts");
  Value resolved = MR_TRY(substitute_value(node.parameters, context));
  for (const auto& [name, source] : node.task->parameters) {
    if (source.kind == ParameterSource::Kind::final_status)
      resolved.child(name).set("pipelineJobResourceName", run.resource_name);
  }
  input.child("inputs").set("parameterValues", std::move(resolved));
  Value outputs = Value::object();
  for (const auto& [name, type] : node.component->output_parameters) {
    outputs.child("parameters").set(name, Value::object({{"outputFile", (directory / "outputs" / name).string()}}));
  }
  for (const auto& [name, spec] : node.component->output_artifacts) {
    outputs.child("artifacts").set(name, artifact_value(name, spec, artifact_path(options, run, node, name)));
  }
  outputs.set("outputFile", (directory / "output_metadata.json").string());
  input.set("outputs", std::move(outputs));
  return input;
}

std::string variable(const char* name, const char* fallback) {
  const char* value = std::getenv(name);
  return value != nullptr && *value != '\0' ? value : fallback;
}

Result<Value> parse_output(const std::string& text, ParameterType type, const std::string& name) {
  const std::string_view trimmed = trim(text);
  switch (type) {
    case ParameterType::string:
      return Value(text);
    case ParameterType::number_integer:
      if (const auto number = parse_int(trimmed)) return Value(*number);
      break;
    case ParameterType::number_double:
      if (const auto number = parse_double(trimmed)) return Value(*number);
      break;
    case ParameterType::boolean:
      if (equals_ignore_case(trimmed, "true")) return Value(true);
      if (equals_ignore_case(trimmed, "false")) return Value(false);
      break;
    case ParameterType::list:
    case ParameterType::structure:
      if (auto parsed = parse_json(trimmed); parsed && has_type(*parsed, type)) return std::move(*parsed);
      break;
  }
  return fail(Code::invalid_argument, fmt::format("the output {} is not a {}: \"{}\"", name, parameter_type_name(type),
                                                  trimmed.substr(0, 100)));
}

// The last bytes of a file, from the beginning of a character on; empty where it cannot be read.
std::string end_of(const std::filesystem::path& path) {
  const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) return {};
  const off_t size = ::lseek(file.get(), 0, SEEK_END);
  const off_t start = std::max<off_t>(0, size - static_cast<off_t>(kLogTail));
  std::string text(kLogTail, '\0');
  const ssize_t n = ::pread(file.get(), text.data(), text.size(), start);
  if (n <= 0) return {};
  text.resize(static_cast<std::size_t>(n));
  const auto is_inside = [](char c) { return (static_cast<unsigned char>(c) & 0xc0) == 0x80; };
  if (start > 0) text.erase(text.begin(), std::find_if_not(text.begin(), text.end(), is_inside));
  return text;
}

}  // namespace

std::string launch_key(const std::string& run_id, const std::string& path, int attempt) {
  return fmt::format("run/{}/{}/{}", run_id, path, attempt);
}

bool parse_launch_key(const std::string& key, std::string& run_id, std::string& path, int& attempt) {
  if (!key.starts_with("run/")) return false;
  const std::size_t first = key.find('/', 4), last = key.rfind('/');
  if (first == std::string::npos || last <= first) return false;
  const auto number = parse_int(std::string_view(key).substr(last + 1));
  if (!number) return false;
  run_id = key.substr(4, first - 4);
  path = key.substr(first + 1, last - first - 1);
  attempt = static_cast<int>(*number);
  return true;
}

std::filesystem::path attempt_directory(const Options& options, const std::string& run_id, const std::string& path,
                                        int attempt) {
  return options.directory / "runs" / run_id / path / std::to_string(attempt);
}

std::filesystem::path log_path(const Options& options, const std::string& run_id, const std::string& path,
                               int attempt) {
  return attempt_directory(options, run_id, path, attempt) / "log.txt";
}

std::string pod_name(const RunContext& run, const engine::Node& node) {
  // Stable and unlike any other's, as Argo's pod names are: the workflow's name and a number made from the path.
  const Sha256 hash = sha256(node.path);
  const unsigned number = static_cast<unsigned>(hash[0]) << 24 | static_cast<unsigned>(hash[1]) << 16 |
                          static_cast<unsigned>(hash[2]) << 8 | hash[3];
  return fmt::format("{}-{}", run.resource_name, number);
}

Result<proc::LaunchSpec> prepare(const Options& options, const Hooks& hooks, const RunContext& run,
                                 const engine::Node& node, const Executor& executor) {
  const std::filesystem::path directory = attempt_directory(options, run.run_id, node.path, node.attempt);
  MR_TRY(make_directories(directory / "outputs", 0700));
  MR_TRY(make_directories(directory / "tmp", 0700));
  for (const auto& [name, spec] : node.component->output_artifacts)
    MR_TRY(make_directories(artifact_path(options, run, node, name).parent_path(), 0700));
  const Value input = MR_TRY(executor_input(options, run, node, directory));
  MR_TRY(write_file(directory / "input.json", to_json(input), 0600));
  const PlaceholderContext context = placeholders(run, node, input, options.directory / "artifacts");

  std::vector<std::string> command_line = MR_TRY(substitute_arguments(executor.command, context));
  for (std::string& argument : MR_TRY(substitute_arguments(executor.arguments, context)))
    command_line.push_back(std::move(argument));
  proc::LaunchSpec spec;
  if (hooks.native_image) {
    if (auto native = hooks.native_image(executor.image, command_line)) command_line = std::move(*native);
  }
  if (command_line.empty()) {
    return fail(
        Code::unimplemented,
        fmt::format(
            "the image {} has no command in the pipeline, and images are not run here: give the component a command",
            executor.image));
  }
  spec.key = launch_key(run.run_id, node.path, node.attempt);
  spec.argv = in_python_environment(options.directory / "python", executor.image, std::move(command_line));
  spec.working_directory = directory;
  spec.stdout_path = spec.stderr_path = directory / "log.txt";

  const auto set = [&](const std::string& name, const std::string& value) {
    for (auto& entry : spec.environment) {
      if (entry.first == name) {
        entry.second = value;
        return;
      }
    }
    spec.environment.emplace_back(name, value);
  };
  set("PATH", variable("PATH", "/usr/local/bin:/usr/bin:/bin"));
  set("LANG", variable("LANG", "C.UTF-8"));
  set("HOME", directory);
  set("TMPDIR", directory / "tmp");
  set("KFP_POD_NAME", pod_name(run, node));
  set("KFP_POD_UID", launch_key(run.run_id, node.path, node.attempt));
  set("KFP_RETRY_INDEX", std::to_string(node.attempt - 1));
  for (const auto& [name, value] : hooks.task_environment) set(name, value);
  for (const auto& [name, value] : executor.environment) set(name, value);
  bool has_keys = false;
  for (const SecretAsEnv& wanted : executor.secrets) {
    auto secret = hooks.secret(wanted.secret);
    if (!secret) {
      if (wanted.optional && secret.error().code == Code::not_found) continue;
      return fail(secret.error());
    }
    for (const auto& [key, name] : wanted.key_to_variable) {
      const auto found = secret->find(key);
      if (found == secret->end()) {
        if (wanted.optional) continue;
        return fail(Code::not_found, fmt::format("the secret {} has no key {}", wanted.secret, key));
      }
      set(name, found->second);
    }
  }
  for (const auto& entry : spec.environment) has_keys = has_keys || entry.first == "AWS_ACCESS_KEY_ID";
  if (!has_keys && hooks.node_credentials) {
    for (const auto& [name, value] : MR_TRY(hooks.node_credentials(spec.key))) set(name, value);
  }
  return spec;
}

Result<Outputs> collect(const Options& options, const RunContext& run, const engine::Node& node) {
  const std::filesystem::path directory = attempt_directory(options, run.run_id, node.path, node.attempt);
  Outputs outputs;
  for (const auto& [name, type] : node.component->output_parameters) {
    const auto text = read_file(directory / "outputs" / name, kMaxOutputBytes);
    if (text)
      outputs.parameters.set(name, MR_TRY(parse_output(*text, type, name)));
    else if (text.error().code != Code::not_found)
      return fail(text.error());
  }
  for (const auto& [name, spec] : node.component->output_artifacts)
    outputs.artifacts.set(name, artifact_value(name, spec, artifact_path(options, run, node, name)));
  // What the KFP runtime writes for Python components: values and metadata of its own.
  const auto metadata = read_file(directory / "output_metadata.json", kMaxOutputBytes);
  if (!metadata) return outputs;
  const auto parsed = parse_json(*metadata);
  if (!parsed)
    return fail(Code::invalid_argument, "the task's output_metadata.json cannot be read: " + parsed.error().message);
  for (const auto& [name, value] : (*parsed)["parameterValues"].members()) {
    const auto declared = node.component->output_parameters.find(name);
    if (declared == node.component->output_parameters.end()) continue;
    if (!has_type(value, declared->second)) {
      return fail(Code::invalid_argument, fmt::format("the output {} is a {}, but {} is expected", name,
                                                      value.kind_name(), parameter_type_name(declared->second)));
    }
    outputs.parameters.set(name, value);
  }
  for (const auto& [name, value] : (*parsed)["artifacts"].members()) {
    if (node.component->output_artifacts.contains(name) && !value["artifacts"].empty())
      outputs.artifacts.set(name, value);
  }
  return outputs;
}

std::string describe_failure(const Options& options, const RunContext& run, const engine::Node& node,
                             const proc::ChildStatus& status) {
  std::string what;
  if (status.state == proc::ChildStatus::State::lost)
    what = "the process was lost: nobody saw how it ended";
  else if (status.signal != 0)
    what = fmt::format("the process was ended by signal {}", status.signal);
  else
    what = fmt::format("the process ended with exit code {}", status.exit_code);
  const std::string log = end_of(log_path(options, run.run_id, node.path, node.attempt));
  std::string_view tail = trim(log);
  // The last line says most, as a rule.
  const std::size_t line = tail.rfind('\n');
  if (line != std::string_view::npos) tail = tail.substr(line + 1);
  if (!is_valid_utf8(tail) || tail.empty()) return what;
  return fmt::format("{}: {}", what, tail);
}

}  // namespace millrace::pipelines::executors
