#include "pipelines/executors/store.h"

#include <algorithm>
#include <system_error>

#include <fmt/core.h>

namespace millrace::pipelines::executors {
namespace {

struct Scheme {
  std::string_view prefix, directory;  // of the store, and of the task's root
};
constexpr Scheme kSchemes[] = {{"minio://", "minio"}, {"s3://", "s3"}, {"gs://", "gcs"}};

const Scheme* scheme_of(std::string_view uri) {
  for (const Scheme& scheme : kSchemes) {
    if (uri.starts_with(scheme.prefix)) return &scheme;
  }
  return nullptr;
}

// Keys of an object store may hold "..", paths of files must not.
bool stays_inside(std::string_view key) {
  while (!key.empty()) {
    const std::size_t slash = key.find('/');
    const std::string_view part = key.substr(0, slash);
    if (part == "..") return false;
    key = slash == std::string_view::npos ? std::string_view() : key.substr(slash + 1);
  }
  return true;
}

template <class Change>
Value with_uris(const Value& artifacts, Change change) {
  Value out = artifacts;
  Value* list = out.find("artifacts");
  if (list == nullptr || !list->is_array()) return out;
  for (Value& artifact : list->as_array()) {
    if (artifact["uri"].is_string()) artifact.set("uri", change(artifact["uri"].as_string()));
  }
  return out;
}

}  // namespace

Status check_root(std::string_view root) {
  const Scheme* scheme = scheme_of(root);
  if (scheme == nullptr) {
    return fail(Code::invalid_argument,
                fmt::format("the pipeline root {} is in no store that is known here: minio://, s3:// or gs://", root));
  }
  const std::string_view key = root.substr(scheme->prefix.size());
  if (key.empty() || key.front() == '/' || !stays_inside(key))
    return fail(Code::invalid_argument, fmt::format("the pipeline root {} names no bucket", root));
  return {};
}

std::optional<std::filesystem::path> artifact_file(const Options& options, std::string_view uri) {
  if (uri.starts_with("file://")) uri.remove_prefix(7);
  if (uri.starts_with('/')) return std::filesystem::path(uri);
  const Scheme* scheme = scheme_of(uri);
  if (scheme == nullptr) return std::nullopt;
  const std::string_view key = uri.substr(scheme->prefix.size());
  if (key.empty() || key.front() == '/' || !stays_inside(key)) return std::nullopt;
  return options.directory / "artifacts" / scheme->directory / key;
}

Result<std::filesystem::path> readable_artifact(const Options& options, std::string_view uri) {
  const auto file = artifact_file(options, uri);
  if (!file) {
    return fail(
        Code::unimplemented,
        fmt::format("the artifact {} is not in this server's store; ask the store that its address names", uri));
  }
  std::error_code failed;
  const auto root = std::filesystem::canonical(options.directory / "artifacts", failed);
  if (failed) return fail(Code::not_found, fmt::format("the artifact {} is not there", uri));
  const auto found = std::filesystem::canonical(*file, failed);
  if (failed) return fail(Code::not_found, fmt::format("the artifact {} is not there", uri));
  const auto apart = std::mismatch(root.begin(), root.end(), found.begin(), found.end());
  if (apart.first != root.end())
    return fail(Code::permission_denied, fmt::format("{} is not among the artifacts of this server", uri));
  return found;
}

std::string artifact_uri(const Options& options, const std::filesystem::path& file) {
  const std::string& path = file.native();
  for (const Scheme& scheme : kSchemes) {
    const std::string begin = (options.directory / "artifacts" / scheme.directory).native() + "/";
    if (path.starts_with(begin)) return std::string(scheme.prefix) + path.substr(begin.size());
    const std::string mounted = fmt::format("/{}/", scheme.directory);
    if (path.starts_with(mounted)) return std::string(scheme.prefix) + path.substr(mounted.size());
  }
  return path;
}

std::string path_in_task(const Value& artifact) {
  std::string uri = artifact["uri"].string_or(), path;
  if (const Scheme* scheme = scheme_of(uri)) {
    path = fmt::format("/{}/{}", scheme->directory, std::string_view(uri).substr(scheme->prefix.size()));
  } else if (uri.starts_with("oci://")) {
    uri = uri.substr(6);
    std::replace(uri.begin(), uri.end(), '/', '_');
    path = "/oci/" + uri;
  } else if (uri.starts_with('/')) {
    path = uri;
  } else if (uri.starts_with("file://")) {
    path = uri.substr(7);
  }
  if (artifact["metadata"]["_kfp_workspace"].bool_or(false) && !path.empty())
    return fmt::format("{}/.artifacts{}", kWorkspacePath, path);
  return path;
}

Value with_local_paths(const Options& options, const Value& artifacts) {
  return with_uris(artifacts, [&](const std::string& uri) {
    const auto file = artifact_file(options, uri);
    std::error_code error;
    // What was never brought here keeps its name.
    if (!file || (!uri.starts_with(kSchemes[0].prefix) && !std::filesystem::exists(*file, error))) return uri;
    return file->native();
  });
}

Value with_store_uris(const Options& options, const Value& artifacts) {
  return with_uris(artifacts,
                   [&](const std::string& uri) { return uri.starts_with('/') ? artifact_uri(options, uri) : uri; });
}

}  // namespace millrace::pipelines::executors
