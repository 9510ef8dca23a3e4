#include "pipelines/executors/store.h"

#include <algorithm>
#include <system_error>
#include <vector>

#include <fmt/core.h>

#include "base/file.h"
#include "base/strings.h"

namespace millrace::pipelines::executors {
namespace {

constexpr std::size_t kMaxPlaceBytes = 4'000;  // as of a path on Linux

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

// Keys of an object store may hold "..", paths of files must not. Empty components are dropped, as the kernel does.
std::optional<std::string> normalised(std::string_view path) {
  std::string out;
  for (const std::string_view part : split(path, '/')) {
    if (part == ".." || part.find('\0') != std::string_view::npos) return std::nullopt;
    if (part.empty() || part == ".") continue;
    if (!out.empty()) out += '/';
    out += part;
  }
  if (out.empty() || out.size() > kMaxPlaceBytes) return std::nullopt;
  return out;
}

// As ids of runs are: 8-4-4-4-12 hexadecimal digits.
bool is_run_id(std::string_view text) {
  constexpr std::string_view kShape = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
  return text.size() == kShape.size() && std::equal(text.begin(), text.end(), kShape.begin(), [](char c, char shape) {
           return shape == '-' ? c == '-' : (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

// The directory within which links of the artifact may lead: that of its run, or else the one that holds it. A step
// chooses names below its run's directory only, with which it can make this narrower and never wider.
std::string own_directory(std::string_view place) {
  std::string_view above = parent_place(place).empty() ? std::string_view() : place.substr(0, place.rfind('/'));
  const std::string_view parent = above;
  while (!above.empty()) {
    const std::size_t slash = above.rfind('/');
    if (is_run_id(above.substr(slash == std::string_view::npos ? 0 : slash + 1))) return std::string(above);
    above = slash == std::string_view::npos ? std::string_view() : above.substr(0, slash);
  }
  return std::string(parent);
}

// The tree of a directory in `base` that a task sees at /<scheme>/….
Result<UntrustedTree> open_below(const std::filesystem::path& base, std::string_view place) {
  const std::size_t slash = place.find('/');
  const std::string scheme(place.substr(0, slash));
  const UntrustedTree tree = MR_TRY(UntrustedTree::open(base / scheme, "/" + scheme));
  return tree.open_tree(slash == std::string_view::npos ? std::string_view() : place.substr(slash + 1));
}

Result<StoredArtifact> find_below(const std::filesystem::path& base, const std::string& place) {
  const std::string own = own_directory(place);
  UntrustedTree tree = MR_TRY(open_below(base, own));
  std::string path = place.substr(own.size() + 1);
  if (!MR_TRY(tree.info(path, Links::within))) return fail(Code::not_found, "");
  return StoredArtifact{std::move(tree), std::move(path)};
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

// The URI of a file in the store, or of where tasks see it; any other path as it is.
std::string uri_of_path(const Options& options, const std::string& run_id, const std::string& path) {
  for (const Scheme& scheme : kSchemes) {
    const std::string mounted = fmt::format("/{}/", scheme.directory);
    for (const std::string& begin : {store_directory(options).native() + mounted,
                                     fetched_directory(options, run_id).native() + mounted, mounted}) {
      if (path.starts_with(begin)) return std::string(scheme.prefix) + path.substr(begin.size());
    }
  }
  return path;
}

}  // namespace

Status check_root(std::string_view root) {
  const Scheme* scheme = scheme_of(root);
  if (scheme == nullptr) {
    return fail(Code::invalid_argument,
                fmt::format("the pipeline root {} is in no store that is known here: minio://, s3:// or gs://", root));
  }
  const std::string_view key = root.substr(scheme->prefix.size());
  const auto place = store_place(root);
  if (key.empty() || key.front() == '/' || !place)
    return fail(Code::invalid_argument, fmt::format("the pipeline root {} names no bucket", root));
  for (const std::string_view part : split(*place, '/')) {
    if (is_run_id(part))
      return fail(Code::invalid_argument,
                  fmt::format("the pipeline root {} lies in the directory of the run {}, whose artifacts are its own",
                              root, part));
  }
  return {};
}

std::optional<std::string> store_place(std::string_view uri) {
  const Scheme* scheme = scheme_of(uri);
  if (scheme == nullptr) return std::nullopt;
  const std::string_view key = uri.substr(scheme->prefix.size());
  if (key.empty() || key.front() == '/') return std::nullopt;
  const auto inside = normalised(key);
  if (!inside) return std::nullopt;
  return fmt::format("{}/{}", scheme->directory, *inside);
}

bool is_local_uri(std::string_view uri) { return uri.starts_with('/') || uri.starts_with("file:"); }

bool lies_in(std::string_view place, std::string_view directory) {
  return place.starts_with(directory) && (place.size() == directory.size() || place[directory.size()] == '/');
}

std::string parent_place(std::string_view place) {
  const std::size_t slash = place.rfind('/');
  return slash == std::string_view::npos ? std::string() : std::string(place.substr(0, slash));
}

std::filesystem::path store_directory(const Options& options) { return options.directory / "artifacts"; }

std::filesystem::path fetched_directory(const Options& options, const std::string& run_id) {
  return options.directory / "fetched" / run_id;
}

Result<UntrustedTree> open_store(const Options& options) {
  auto tree = UntrustedTree::open(store_directory(options));
  if (tree || tree.error().code != Code::not_found) return tree;
  MR_TRY(make_directories(store_directory(options), 0755));  // trusted-path: above all that steps see
  return UntrustedTree::open(store_directory(options));
}

Result<UntrustedTree> open_store_directory(const Options& options, std::string_view place) {
  return open_below(store_directory(options), place);
}

Result<StoredArtifact> find_artifact(const Options& options, std::string_view uri, const std::string& run_id) {
  if (is_local_uri(uri))
    return fail(Code::permission_denied, fmt::format("{} is not among the artifacts of this server", uri));
  if (scheme_of(uri) == nullptr) {
    return fail(
        Code::unimplemented,
        fmt::format("the artifact {} is not in this server's store; ask the store that its address names", uri));
  }
  const auto place = store_place(uri);
  if (!place || place->find('/') == std::string::npos)
    return fail(Code::permission_denied, fmt::format("{} is not among the artifacts of this server", uri));
  auto found = find_below(store_directory(options), *place);
  if (!found && found.error().code == Code::not_found && !run_id.empty() && place->starts_with("s3/"))
    found = find_below(fetched_directory(options, run_id), *place);
  if (found) return found;
  switch (found.error().code) {
    case Code::not_found:
      return fail(Code::not_found, fmt::format("the artifact {} is not there", uri));
    case Code::failed_precondition:
      return fail(Code::permission_denied, fmt::format("the artifact {} cannot be read: a link of it leads out of the "
                                                       "artifacts of its run, or it is neither a file nor a directory",
                                                       uri));
    default:
      return found;
  }
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

Value with_local_paths(const Options& options, const std::string& run_id, const Value& artifacts) {
  return with_uris(artifacts, [&](const std::string& uri) {
    const auto place = store_place(uri);
    if (!place) return uri;
    std::error_code error;
    const auto stored = store_directory(options) / *place, fetched = fetched_directory(options, run_id) / *place;
    if (uri.starts_with("s3://") && std::filesystem::exists(fetched, error)) return fetched.native();
    // What was never brought here keeps its name.
    if (!uri.starts_with(kSchemes[0].prefix) && !std::filesystem::exists(stored, error)) return uri;
    return stored.native();
  });
}

Value with_store_uris(const Options& options, const std::string& run_id, const Value& artifacts) {
  return with_uris(artifacts, [&](const std::string& uri) {
    return uri.starts_with('/') ? uri_of_path(options, run_id, uri) : uri;
  });
}

}  // namespace millrace::pipelines::executors
