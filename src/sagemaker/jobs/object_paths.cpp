#include "sagemaker/jobs/object_paths.h"

#include <fmt/core.h>

#include "base/json.h"
#include "base/strings.h"
#include "sagemaker/errors.h"

namespace millrace::sagemaker {

bool is_folder_marker(std::string_view key) { return key.empty() || key.ends_with('/'); }

bool is_contained_path(std::string_view path) {
  if (path.empty() || path.find('\0') != std::string_view::npos) return false;
  for (const auto part : split(path, '/')) {
    if (part.empty() || part == "." || part == "..") return false;
  }
  return true;
}

Result<std::string> relative_object_path(std::string_view prefix, std::string_view key) {
  std::string_view path = key;
  const bool whole_folder = prefix.empty() || prefix.ends_with('/');
  const bool folder_without_slash =
      !whole_folder && key.size() > prefix.size() && key.starts_with(prefix) && key[prefix.size()] == '/';
  if (whole_folder && key.starts_with(prefix)) {
    path.remove_prefix(prefix.size());
  } else if (folder_without_slash) {
    path.remove_prefix(prefix.size() + 1);
  } else if (const auto slash = prefix.rfind('/'); slash != std::string_view::npos && key.starts_with(prefix)) {
    path.remove_prefix(slash + 1);
  }
  if (!is_contained_path(path)) {
    return fail(Code::invalid_argument, fmt::format("the object key \"{}\" cannot be a file's path", key));
  }
  return std::string(path);
}

Result<std::vector<ManifestEntry>> parse_manifest(std::string_view json) {
  const auto bad = [](std::string_view what) {
    return fail(Code::invalid_argument,
                fmt::format("the manifest is not a JSON list of one {{\"prefix\": …}} and file names: {}", what));
  };
  const auto manifest = parse_json(json);
  if (!manifest) return bad(manifest.error().message);
  if (!manifest->is_array() || manifest->empty()) return bad("it is empty");
  const std::string prefix = manifest->as_array().front()["prefix"].string_or();
  if (!prefix.starts_with("s3://")) return bad("its first entry has no prefix that begins with s3://");
  std::vector<ManifestEntry> entries;
  for (std::size_t i = 1; i < manifest->size(); ++i) {
    const Value& item = manifest->as_array()[i];
    if (!item.is_string()) return bad("an entry is not text");
    if (!is_contained_path(item.as_string())) return bad(fmt::format("\"{}\" is no path", item.as_string()));
    entries.push_back({prefix + item.as_string(), item.as_string()});
  }
  return entries;
}

Result<std::filesystem::path> below_opt_ml(std::string_view path) {
  constexpr std::string_view kRoot = "/opt/ml/";
  while (path.size() > 1 && path.ends_with('/')) path.remove_suffix(1);
  if (path.starts_with(kRoot) && is_contained_path(path.substr(kRoot.size()))) {
    return std::filesystem::path(path.substr(kRoot.size()));
  }
  return validation_error(fmt::format("LocalPath \"{}\" must lie below /opt/ml.", path));
}

std::string join_uri(std::string_view base, std::string_view relative) {
  while (base.ends_with('/')) base.remove_suffix(1);
  return fmt::format("{}/{}", base, relative);
}

}  // namespace millrace::sagemaker
