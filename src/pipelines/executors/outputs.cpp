// What an attempt left: its output files, its metadata and its artifacts. All of it is data that a step wrote.

#include <optional>
#include <string>

#include <fmt/core.h>

#include "base/json.h"
#include "base/strings.h"
#include "base/untrusted_tree.h"
#include "pipelines/executors/attempt_files.h"
#include "pipelines/executors/inputs.h"
#include "pipelines/executors/process.h"
#include "pipelines/executors/python_json.h"
#include "pipelines/executors/quoted.h"
#include "pipelines/executors/store.h"

namespace millrace::pipelines::executors {
namespace {

constexpr std::size_t kMaxOutputBytes = 8u << 20;
constexpr std::size_t kMaxQuoted = 100, kMaxQuotedPath = 400;  // bytes that an error quotes
// Of an artifact that is taken from a place of the step's own choice.
constexpr UntrustedTree::Limits kTaken{100'000, std::uint64_t{64} << 30, 100};

Result<Value> parse_output(const std::string& text, ParameterType type, const std::string& name) {
  const std::string_view trimmed = trim(text);
  switch (type) {
    case ParameterType::string:
      if (is_valid_utf8(text)) return Value(text);
      return fail(Code::invalid_argument, fmt::format("the output {} is not UTF-8", name));
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
                                                  quoted(trimmed, kMaxQuoted)));
}

tl::unexpected<Error> unreadable(std::string_view what, const Error& error) {
  return fail(Code::invalid_argument, fmt::format("{} cannot be read: {}", what, error.message));
}

// Opened when something is asked of it; empty: the step was given no such directory.
struct OwnTrees {
  UntrustedTree attempt;
  std::optional<UntrustedTree> artifacts;
  std::string artifacts_place;
};

Result<OwnTrees> open_own(const Options& options, const RunContext& run, const engine::Node& node) {
  OwnTrees own{MR_TRY(open_attempt(options, run.run_id, node.path, node.attempt)), std::nullopt, {}};
  if (node.component->output_artifacts.empty()) return own;
  own.artifacts_place = MR_TRY(own_artifacts_place(run, node));
  own.artifacts = MR_TRY(open_store_directory(options, own.artifacts_place));
  return own;
}

// In pipelines of the SDK 1.8 an output is a file, and where it is asked for as a parameter the text of that file, less
// a line's end (v1/workflow.h). As in Argo, a task that did not write it has failed.
Result<Value> text_of_artifact(const OwnTrees& own, const std::string& name) {
  auto text = own.artifacts->read(name, kMaxOutputBytes, Links::within);
  if (!text && text.error().code == Code::not_found)
    return fail(Code::invalid_argument, fmt::format("the output {} was not written", name));
  if (!text) return unreadable("the output " + name, text.error());
  if (text->ends_with('\n')) text->pop_back();
  if (!is_valid_utf8(*text)) return fail(Code::invalid_argument, fmt::format("the output {} is not text", name));
  return Value(std::move(*text));
}

Status read_parameters(const OwnTrees& own, const Component& component, Outputs& outputs) {
  for (const auto& [name, type] : component.output_parameters) {
    if (component.output_artifacts.contains(name)) {
      outputs.parameters.set(name, MR_TRY(text_of_artifact(own, name)));
      continue;
    }
    const auto text = own.attempt.read("outputs/" + name, kMaxOutputBytes, Links::within);
    if (text)
      outputs.parameters.set(name, MR_TRY(parse_output(*text, type, name)));
    else if (text.error().code != Code::not_found)
      return unreadable("the output " + name, text.error());
  }
  return {};
}

// As upstream's launcher (backend/src/v2/component/launcher_v2.go, collectOutputParameters): a parameter that is
// declared and not written fails its task, not those that need it.
Status check_all_written(const Component& component, const Outputs& outputs) {
  for (const auto& [name, type] : component.output_parameters) {
    if (!outputs.parameters.has(name))
      return fail(Code::invalid_argument,
                  fmt::format("the output {} was not written: the task ended with exit code 0 and left no {} for it",
                              name, parameter_type_name(type)));
  }
  return {};
}

// What the KFP runtime writes for Python components: values and metadata of its own. Null: nothing.
Result<Value> read_metadata(const OwnTrees& own) {
  Result<std::string> found = fail(Code::not_found, "");
  if (own.artifacts) found = own.artifacts->read(kOutputFileBeside, kMaxOutputBytes, Links::within);
  if (!found && found.error().code == Code::not_found)
    found = own.attempt.read(kOutputFile, kMaxOutputBytes, Links::within);
  if (!found && found.error().code == Code::not_found) return Value();
  if (!found) return unreadable("the task's output_metadata.json", found.error());
  auto parsed = parse_python_json(*found);
  if (!parsed) return unreadable("the task's output_metadata.json", parsed.error());
  return parsed;
}

// A step may name what is its own, what it was given, and what is not kept here.
Status check_uri(const OwnTrees& own, const engine::Node& node, const std::string& name, const std::string& uri) {
  const auto refuse = [&](std::string_view why) {
    return fail(Code::invalid_argument,
                fmt::format("the artifact {} cannot be at {}: {}", name, quoted(uri, kMaxQuotedPath), why));
  };
  if (uri.find('\0') != std::string::npos) return refuse("a URI has no NUL byte");
  for (const auto& [input, list] : node.artifacts.members()) {
    for (const Value& given : list["artifacts"].items()) {
      if (given["uri"].string_or() == uri) return {};
    }
  }
  if (is_local_uri(uri)) return refuse("a task's artifacts are kept in its output directory");
  const auto place = store_place(uri);
  if (!place) {
    const bool is_ours = uri.starts_with("minio://") || uri.starts_with("s3://") || uri.starts_with("gs://");
    return is_ours ? Status(refuse("it names no usable key")) : Status();
  }
  if (lies_in(*place, own.artifacts_place)) return {};
  if (uri.starts_with("s3://")) return {};  // S3 decides who may read it, each time it is fetched
  return refuse("that is neither in the task's own output directory nor an artifact that it was given");
}

// Where the step's path leads to: its own directory, its /tmp, or its artifacts.
struct OwnPath {
  const UntrustedTree* tree;
  std::string path;
};
std::optional<OwnPath> find_own(const OwnTrees& own, std::string_view path) {
  const auto inside = [&](std::string_view directory) -> std::optional<std::string> {
    if (!lies_in(path, directory) || path.size() <= directory.size() + 1) return std::nullopt;
    return std::string(path.substr(directory.size() + 1));
  };
  if (const auto rest = inside(own.attempt.root().native())) return OwnPath{&own.attempt, *rest};
  if (const auto rest = inside("/" + own.artifacts_place)) return OwnPath{&*own.artifacts, *rest};
  if (const auto rest = inside(own.artifacts->root().native())) return OwnPath{&*own.artifacts, *rest};
  if (const auto rest = inside("/tmp")) return OwnPath{&own.attempt, "tmp/" + *rest};
  if (!path.starts_with('/')) return OwnPath{&own.attempt, std::string(path)};
  return std::nullopt;
}

// A component may leave an artifact at a path of its own choice (custom_path); its bytes go where the URI says.
Status take_from_custom_path(const OwnTrees& own, const std::string& name, Value& artifact) {
  const std::string custom = artifact["custom_path"].string_or(artifact["customPath"].string_or());
  artifact.erase("custom_path");
  artifact.erase("customPath");
  if (custom.empty()) return {};
  const auto refuse = [&](std::string_view why) {
    return fail(Code::invalid_argument,
                fmt::format("the artifact {} cannot be taken from {}: {}", name, quoted(custom, kMaxQuotedPath), why));
  };
  const auto target = store_place(artifact["uri"].string_or());
  if (!target || !lies_in(*target, own.artifacts_place) || target->size() == own.artifacts_place.size())
    return refuse("its URI is not in the task's own output directory");
  const auto source = find_own(own, custom);
  if (!source) return refuse("a task keeps its artifacts in its own directory, in its /tmp, or where its output is");
  const std::string to = target->substr(own.artifacts_place.size() + 1);
  if (source->tree == &*own.artifacts && source->path == to) return {};
  const auto there = source->tree->info(source->path, Links::within);
  if (!there) return refuse(there.error().message);
  if (!*there) return {};  // it was not written, as any output may be
  if (const std::string above = parent_place(to); !above.empty()) MR_TRY(own.artifacts->make_directories(above, 0755));
  const auto copied =
      source->tree->copy(source->path, *own.artifacts, to, Links::within, UntrustedTree::Others::refuse, kTaken);
  if (!copied) return refuse(copied.error().message);
  return give_to_child(*own.artifacts, to);
}

Status take_artifacts(const Options& options, const RunContext& run, const engine::Node& node, const OwnTrees& own,
                      const std::string& name, const ArtifactSpec& spec, const Value& reported, Outputs& outputs) {
  if (!reported["artifacts"].is_array())
    return fail(Code::invalid_argument,
                fmt::format("the task's output_metadata.json has no list of artifacts at {}", name));
  Value artifacts = with_store_uris(options, run.run_id, with_named_numbers(reported));
  for (Value& artifact : artifacts.child("artifacts").as_array()) {
    if (const std::string uri = artifact["uri"].string_or(); !uri.empty()) MR_TRY(check_uri(own, node, name, uri));
    if (!artifact.is_object()) continue;
    MR_TRY(take_from_custom_path(own, name, artifact));
    // The SDK leaves the type to whoever declared it.
    if (artifact["type"].is_null())
      artifact.set("type", Value::object({{"schemaTitle", spec.schema_title}, {"schemaVersion", spec.schema_version}}));
  }
  outputs.artifacts.set(name, std::move(artifacts));
  return {};
}

}  // namespace

Result<Outputs> collect(const Options& options, const RunContext& run, const engine::Node& node) {
  const Component& component = *node.component;
  const OwnTrees own = MR_TRY(open_own(options, run, node));
  Outputs outputs;
  MR_TRY(read_parameters(own, component, outputs));
  for (const auto& [name, spec] : component.output_artifacts)
    outputs.artifacts.set(name, artifact_value(name, spec, output_uri(run, node, name)));
  const Value metadata = MR_TRY(read_metadata(own));
  for (const auto& [name, value] : metadata["parameterValues"].members()) {
    const auto declared = component.output_parameters.find(name);
    if (declared == component.output_parameters.end() || value.is_null()) continue;
    if (const auto number = find_non_finite(value))
      return fail(Code::invalid_argument,
                  fmt::format("the output {} is or holds {}, which no parameter can be", name, *number));
    if (!has_type(value, declared->second)) {
      return fail(Code::invalid_argument,
                  fmt::format("the output {} is {}, but {} is expected", name, value.kind_with_article(),
                              parameter_type_name(declared->second)));
    }
    outputs.parameters.set(name, value);
  }
  MR_TRY(check_all_written(component, outputs));
  for (const auto& [name, value] : metadata["artifacts"].members()) {
    const auto declared = component.output_artifacts.find(name);
    if (declared == component.output_artifacts.end() || value["artifacts"].empty()) continue;
    MR_TRY(take_artifacts(options, run, node, own, name, declared->second, value, outputs));
  }
  return outputs;
}

namespace {

// Has it bytes, or anything to say?
bool is_of_use(const Options& options, const RunContext& run, const Value& artifact) {
  if (!artifact["metadata"].empty()) return true;
  const auto found = find_artifact(options, artifact["uri"].string_or(), run.run_id);
  const auto info =
      found ? found->tree.info(found->path, Links::within) : Result<std::optional<FileInfo>>(fail(found.error()));
  return info && *info;
}

}  // namespace

Outputs collect_left(const Options& options, const RunContext& run, const engine::Node& node) {
  Outputs left;
  const auto own = open_own(options, run, node);
  if (!own) return left;
  const auto read = read_metadata(*own);
  const Value metadata = read ? *read : Value();
  for (const auto& [name, type] : node.component->output_parameters) {
    const Value& reported = metadata["parameterValues"][name];
    if (!reported.is_null() && !find_non_finite(reported) && has_type(reported, type))
      left.parameters.set(name, reported);
    if (left.parameters.has(name) || node.component->output_artifacts.contains(name)) continue;
    const auto text = own->attempt.read("outputs/" + name, kMaxOutputBytes, Links::within);
    if (auto value = text ? parse_output(*text, type, name) : Result<Value>(fail(text.error())))
      left.parameters.set(name, std::move(*value));
  }
  for (const auto& [name, spec] : node.component->output_artifacts) {
    const Value& reported = metadata["artifacts"][name];
    const bool taken =
        !reported["artifacts"].empty() && take_artifacts(options, run, node, *own, name, spec, reported, left);
    if (!taken) left.artifacts.set(name, artifact_value(name, spec, output_uri(run, node, name)));
    auto& list = left.artifacts.child(name).child("artifacts").as_array();
    std::erase_if(list, [&](const Value& artifact) { return !is_of_use(options, run, artifact); });
    if (list.empty()) left.artifacts.erase(name);
  }
  return left;
}

Status publish(const Options& options, const Hooks& hooks, const RunContext& run, const engine::Node& node,
               const Outputs& outputs) {
  if (!hooks.store || outputs.artifacts.empty()) return {};
  const std::string own = MR_TRY(own_artifacts_place(run, node));
  if (!own.starts_with("s3/")) return {};
  const UntrustedTree tree = MR_TRY(open_store_directory(options, own));
  for (const auto& [name, list] : outputs.artifacts.members()) {
    for (const Value& artifact : list["artifacts"].items()) {
      const std::string uri = artifact["uri"].string_or();
      const auto place = store_place(uri);
      if (!place || !lies_in(*place, own) || place->size() == own.size()) continue;
      const std::string path = place->substr(own.size() + 1);
      const auto there = tree.info(path, Links::within);
      if (there && !*there) continue;  // it was not written
      const Status stored = there ? hooks.store(run.run_id, tree, path, uri) : Status(fail(there.error()));
      if (!stored)
        return fail(stored.error().code,
                    fmt::format("the artifact {} cannot be stored at {}: {}", name, uri, stored.error().message));
    }
  }
  return {};
}

}  // namespace millrace::pipelines::executors
