#include "pipelines/executors/process.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <system_error>

#include <fmt/core.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/strings.h"
#include "pipelines/executors/container.h"
#include "pipelines/executors/inline_tasks.h"
#include "pipelines/executors/inputs.h"
#include "pipelines/executors/local_images.h"
#include "pipelines/executors/machine.h"
#include "pipelines/executors/placeholders.h"
#include "pipelines/executors/python_environment.h"
#include "pipelines/executors/store.h"
#include "pipelines/executors/task_config.h"
#include "pipelines/executors/task_sandbox.h"

namespace millrace::pipelines::executors {
namespace {

constexpr std::size_t kMaxOutputBytes = 8u << 20;
constexpr std::size_t kMaxNameBytes = 200;  // of a directory
constexpr std::size_t kLogTail = 600;       // bytes of the log that a failure is described with

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

// In pipelines of the SDK 1.8 an output is a file, and where it is asked for as a parameter the text of that file, less
// a line's end (v1/workflow.h). As in Argo, a task that did not write it has failed.
Result<Value> text_of_artifact(const Options& options, const std::string& uri, const std::string& name) {
  const auto file = artifact_file(options, uri);
  if (!file) return fail(Code::invalid_argument, fmt::format("the output {} has no usable URI", name));
  auto text = read_file(*file, kMaxOutputBytes);
  if (!text && text.error().code == Code::not_found)
    return fail(Code::invalid_argument, fmt::format("the output {} was not written", name));
  if (!text) return fail(text.error());
  if (text->ends_with('\n')) text->pop_back();
  if (!is_valid_utf8(*text)) return fail(Code::invalid_argument, fmt::format("the output {} is not text", name));
  return Value(std::move(*text));
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

// Inputs whose bytes are in S3 are fetched each time: what was imported may have changed there.
Status bring_artifacts(const Options& options, const Hooks& hooks, const RunContext& run, const engine::Node& node) {
  if (!hooks.fetch) return {};
  for (const auto& [name, list] : node.artifacts.members()) {
    for (const Value& artifact : list["artifacts"].items()) {
      const std::string uri = artifact["uri"].string_or();
      if (!uri.starts_with("s3://")) continue;
      const auto file = artifact_file(options, uri);
      if (!file) return fail(Code::invalid_argument, fmt::format("the input artifact {} has no usable URI", name));
      if (const Status fetched = hooks.fetch(run.run_id, uri, *file); !fetched)
        return fail(fetched.error().code, fmt::format("the input artifact {} ({}) cannot be fetched: {}", name, uri,
                                                      fetched.error().message));
    }
  }
  return {};
}

// A component may leave an artifact at a path of its own choice (custom_path); its bytes go where the URI says.
Status take_from_custom_path(const Options& options, const std::filesystem::path& directory, Value& artifact) {
  std::string custom = artifact["custom_path"].string_or(artifact["customPath"].string_or());
  artifact.erase("custom_path");
  artifact.erase("customPath");
  const auto target = artifact_file(options, artifact["uri"].string_or());
  if (custom.empty() || !target) return {};
  std::error_code error;
  std::filesystem::path source = directory / custom;
  // The task's /tmp was a directory of its own.
  if (custom.starts_with("/tmp/") && std::filesystem::exists(directory / custom.substr(1), error))
    source = directory / custom.substr(1);
  if (!std::filesystem::exists(source, error) || source == *target) return {};
  MR_TRY(make_directories(target->parent_path(), 0700));
  std::filesystem::copy(source, *target,
                        std::filesystem::copy_options::recursive | std::filesystem::copy_options::overwrite_existing,
                        error);
  if (error) return fail(Code::internal, fmt::format("the artifact at {} cannot be kept: {}", custom, error.message()));
  return {};
}

}  // namespace

std::string launch_key(const std::string& run_id, const std::string& path, int attempt) {
  return fmt::format("{}/{}/{}", launch_keys_of(run_id), path, attempt);
}

std::string launch_keys_of(const std::string& run_id) { return "run/" + run_id; }

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
  // One directory however deep the task: of all that a start costs here, making directories costs most.
  std::string name = replace_all(replace_all(replace_all(path, "%", "%25"), ".", "%2E"), "/", ".");
  if (name.size() > kMaxNameBytes) name = name.substr(0, kMaxNameBytes - 33) + '.' + sha256_hex(path).substr(0, 32);
  return options.directory / "runs" / run_id / fmt::format("{}.{}", name, attempt);
}

std::filesystem::path log_path(const Options& options, const std::string& run_id, const std::string& path,
                               int attempt) {
  return attempt_directory(options, run_id, path, attempt) / "log.txt";
}

std::string pod_name(const RunContext& run, const engine::Node& node) { return pod_name(run, pod_number(node.path)); }

std::uint32_t pod_number(std::string_view path) {
  const Sha256 hash = sha256(path);
  return std::uint32_t{hash[0]} << 24 | std::uint32_t{hash[1]} << 16 | std::uint32_t{hash[2]} << 8 | hash[3];
}

std::string pod_name(const RunContext& run, std::uint32_t number) {
  return fmt::format("{}-{}", run.resource_name, number);
}

Result<proc::LaunchSpec> prepare(const Options& options, const Hooks& hooks, const RunContext& given,
                                 const engine::Node& node, const Executor& executor) {
  RunContext run = given;
  const bool contained = is_contained(options, hooks, executor);
  run.sandboxed = contained || (hooks.sandboxed && hooks.sandboxed());
  const std::filesystem::path directory = attempt_directory(options, run.run_id, node.path, node.attempt);
  MR_TRY(make_directories(run.sandboxed ? directory / "tmp" : directory, 0700));
  if (!node.component->output_parameters.empty()) MR_TRY(make_directories(directory / "outputs", 0700));
  if (run.has_workspace) MR_TRY(make_directories(workspace_directory(options, run.run_id), 0700));
  std::filesystem::path artifacts;  // where this attempt's go
  for (const auto& [name, spec] : node.component->output_artifacts) {
    const std::string uri = output_uri(run, node, name);
    const auto file = artifact_file(options, uri);
    if (!file) return fail(Code::invalid_argument, fmt::format("artifacts cannot be kept at {}", uri));
    artifacts = file->parent_path();
    MR_TRY(make_directories(artifacts, 0700));
  }
  MR_TRY(bring_artifacts(options, hooks, run, node));
  Value input = MR_TRY(executor_input(options, run, node, directory));
  const PlaceholderContext context = placeholders(options, run, node, input);
  if (const std::string& told = node.component->task_config; executor.passed_on && !told.empty()) {
    Value config = MR_TRY(task_config(*executor.passed_on, run, node, context));
    input.child("inputs").child("parameterValues").set(told, std::move(config));
  }

  std::vector<std::string> command_line = MR_TRY(substitute_arguments(executor.command, context));
  for (std::string& argument : MR_TRY(substitute_arguments(executor.arguments, context)))
    command_line.push_back(std::move(argument));
  const std::string image = MR_TRY(substitute(executor.image, context));
  const std::optional<LocalImage> local = contained ? std::optional<LocalImage>() : MR_TRY(find_image(options, image));
  if (!contained) MR_TRY(check_has_code(options, executor, image));
  proc::LaunchSpec spec;
  if (hooks.native_image && !contained && !local) {
    if (auto native = hooks.native_image(image, command_line)) command_line = std::move(*native);
  }
  if (command_line.empty() && !contained) {
    return fail(
        Code::unimplemented,
        fmt::format("the image {} has no command in the pipeline, and images are not run here: give the component a "
                    "command, or start the server with --executor container",
                    image));
  }
  spec.key = launch_key(run.run_id, node.path, node.attempt);
  spec.synced = false;  // the run's own events are; after the machine's death they say what to start anew
  const std::size_t words = command_line.size();
  if (!contained)
    spec.argv = in_python_environment(options.directory / "python", image, command_line,
                                      local ? local->packages : PythonPackages());
  spec.working_directory = directory;
  spec.stdout_path = spec.stderr_path = directory / "log.txt";
  if (run.sandboxed) {
    spec.sandbox = task_sandbox(options, run, directory, artifacts);
    if (local)
      spec.sandbox->mounts.push_back({proc::Mount::Kind::read_only, local->directory, local->working_directory, 0, {}});
    if (!contained && spec.argv.size() != words) {
      const auto python = options.directory / "python";
      MR_TRY(make_directories(python, 0700));
      spec.sandbox->mounts.push_back({proc::Mount::Kind::writable, python, python.native(), 0, {}});
    }
  }

  set_variable(spec, "PATH", variable("PATH", "/usr/local/bin:/usr/bin:/bin"));
  set_variable(spec, "LANG", variable("LANG", "C.UTF-8"));
  set_variable(spec, "HOME", directory);
  set_variable(spec, "TMPDIR", run.sandboxed ? "/tmp" : directory.native());
  set_variable(spec, "KFP_POD_NAME", pod_name(run, node));
  set_variable(spec, "KFP_POD_UID", spec.key);
  set_variable(spec, "KFP_RETRY_INDEX", std::to_string(node.attempt - node.spent_before - 1));
  if (local) {
    spec.working_directory = run.sandboxed ? std::filesystem::path(local->working_directory) : local->directory;
    // Without a sandbox the directory can be written to, and what Python would keep there is not its user's.
    set_variable(spec, "PYTHONDONTWRITEBYTECODE", "1");
    for (const auto& [name, value] : local->environment) set_variable(spec, name, value);
  }
  if (hooks.task_environment) {
    for (const auto& [name, value] : hooks.task_environment(run.run_id)) set_variable(spec, name, value);
  }
  for (const auto& [name, value] : executor.environment) set_variable(spec, name, MR_TRY(substitute(value, context)));
  MR_TRY(apply_machine(options, hooks, run, node, executor, context, spec));
  const bool has_keys = std::any_of(spec.environment.begin(), spec.environment.end(),
                                    [](const auto& entry) { return entry.first == "AWS_ACCESS_KEY_ID"; });
  if (!has_keys && hooks.node_credentials) {
    for (const auto& [name, value] : MR_TRY(hooks.node_credentials(run.run_id, spec.key)))
      set_variable(spec, name, value);
  }
  if (contained)
    MR_TRY(put_into_container(options.container_engine, executor, image, std::move(command_line), directory, spec));
  return spec;
}

Result<Outputs> collect(const Options& options, const RunContext& run, const engine::Node& node) {
  const std::filesystem::path directory = attempt_directory(options, run.run_id, node.path, node.attempt);
  Outputs outputs;
  for (const auto& [name, type] : node.component->output_parameters) {
    if (node.component->output_artifacts.contains(name)) {
      outputs.parameters.set(name, MR_TRY(text_of_artifact(options, output_uri(run, node, name), name)));
      continue;
    }
    const auto text = read_file(directory / "outputs" / name, kMaxOutputBytes);
    if (text)
      outputs.parameters.set(name, MR_TRY(parse_output(*text, type, name)));
    else if (text.error().code != Code::not_found)
      return fail(text.error());
  }
  for (const auto& [name, spec] : node.component->output_artifacts)
    outputs.artifacts.set(name, artifact_value(name, spec, output_uri(run, node, name)));
  // What the KFP runtime writes for Python components: values and metadata of its own.
  auto metadata = read_file(directory / kOutputFile, kMaxOutputBytes);
  if (!node.component->output_artifacts.empty()) {
    const auto first = artifact_file(options, output_uri(run, node, node.component->output_artifacts.begin()->first));
    auto beside = first ? read_file(first->parent_path() / kOutputFileBeside, kMaxOutputBytes) : metadata;
    if (beside) metadata = std::move(beside);
  }
  if (!metadata) return outputs;
  const auto parsed = parse_json(*metadata);
  if (!parsed)
    return fail(Code::invalid_argument, "the task's output_metadata.json cannot be read: " + parsed.error().message);
  for (const auto& [name, value] : (*parsed)["parameterValues"].members()) {
    const auto declared = node.component->output_parameters.find(name);
    if (declared == node.component->output_parameters.end()) continue;
    if (!has_type(value, declared->second)) {
      return fail(Code::invalid_argument, fmt::format("the output {} is {}, but {} is expected", name, value.a_kind(),
                                                      parameter_type_name(declared->second)));
    }
    outputs.parameters.set(name, value);
  }
  for (const auto& [name, value] : (*parsed)["artifacts"].members()) {
    const auto declared = node.component->output_artifacts.find(name);
    if (declared == node.component->output_artifacts.end() || value["artifacts"].empty()) continue;
    if (!value["artifacts"].is_array())
      return fail(Code::invalid_argument,
                  fmt::format("the task's output_metadata.json has no list of artifacts at {}", name));
    Value artifacts = with_store_uris(options, value);
    for (Value& artifact : artifacts.child("artifacts").as_array()) {
      MR_TRY(take_from_custom_path(options, directory, artifact));
      // The SDK leaves the type to whoever declared it.
      if (artifact.is_object() && artifact["type"].is_null()) {
        const ArtifactSpec& spec = declared->second;
        artifact.set("type",
                     Value::object({{"schemaTitle", spec.schema_title}, {"schemaVersion", spec.schema_version}}));
      }
    }
    outputs.artifacts.set(name, std::move(artifacts));
  }
  return outputs;
}

Status publish(const Options& options, const Hooks& hooks, const std::string& run_id, const Outputs& outputs) {
  if (!hooks.store) return {};
  for (const auto& [name, list] : outputs.artifacts.members()) {
    for (const Value& artifact : list["artifacts"].items()) {
      const std::string uri = artifact["uri"].string_or();
      if (!uri.starts_with("s3://")) continue;
      const auto file = artifact_file(options, uri);
      std::error_code error;
      if (file && std::filesystem::exists(*file, error)) MR_TRY(hooks.store(run_id, *file, uri));
    }
  }
  return {};
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
