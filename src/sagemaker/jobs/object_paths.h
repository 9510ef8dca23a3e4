#pragma once
// Where an S3 object lies on a job's disk, and which objects an input names. Pure.

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/value.h"

namespace millrace::sagemaker {

// The object's path below the input's folder, for an input that names `prefix`:
//   "data/"      "data/a/b.csv" → "a/b.csv"
//   "data/x.csv" "data/x.csv"   → "x.csv"
//   "data/tr"    "data/train.csv" → "train.csv"
//   "data"       "data/a.csv"   → "a.csv"
// Errors (invalid_argument): a path that would leave the folder.
Result<std::string> relative_object_path(std::string_view prefix, std::string_view key);

// Keys that stand for a folder hold no data.
bool is_folder_marker(std::string_view key);

// Is this a path that stays below the folder it is put in: not absolute, no "..", no empty or "." part, no NUL?
bool is_contained_path(std::string_view path);

// A manifest: [{"prefix": "s3://bucket/some/"}, "a.csv", "b/c.csv"] → URIs and where each lies in the folder.
struct ManifestEntry {
  std::string uri, path;
};
Result<std::vector<ManifestEntry>> parse_manifest(std::string_view json);

// "/opt/ml/processing/input" → "processing/input". Error: ValidationException when the path is not below /opt/ml.
Result<std::filesystem::path> below_opt_ml(std::string_view path);

// "s3://b/base" + "a.csv" → "s3://b/base/a.csv", with exactly one slash between.
std::string join_uri(std::string_view base, std::string_view relative);

}  // namespace millrace::sagemaker
