#pragma once
// Objects to files and back, as a job's execution role. Errors are sentences for FailureReason.

#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"
#include "blob/blob_store.h"
#include "s3/s3.h"

namespace millrace::sagemaker {

struct Transfer {
  s3::Access& access;
  std::string role_arn, region;

  // All objects whose key begins with the URI's, below `folder`. At least one unless `may_be_empty`.
  Status download_prefix(const std::string& uri, const std::filesystem::path& folder, blob::BlobStore::Share share,
                         bool may_be_empty = false);
  // The files that the manifest at `uri` lists.
  Status download_manifest(const std::string& uri, const std::filesystem::path& folder, blob::BlobStore::Share share);
  // By S3DataType: S3Prefix (also when empty) or ManifestFile.
  Status download(const std::string& data_type, const std::string& uri, const std::filesystem::path& folder,
                  blob::BlobStore::Share share);
  Status download_object(const std::string& uri, const std::filesystem::path& file, blob::BlobStore::Share share);
  Status upload_file(const std::filesystem::path& file, const std::string& uri);
  // Every regular file below `folder` → uri/relative path.
  Status upload_folder(const std::filesystem::path& folder, const std::string& uri);
  // Keys below a prefix, without folder markers, with their place in a folder.
  struct Found {
    std::string key, path;
  };
  Result<std::vector<Found>> find(const std::string& uri);
};

std::string content_type_of(const std::filesystem::path& file);

}  // namespace millrace::sagemaker
