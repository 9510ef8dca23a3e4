#pragma once
// Objects to files and back, as a job's execution role. Errors are sentences for FailureReason.

#include <filesystem>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/result.h"
#include "base/untrusted_tree.h"
#include "blob/blob_store.h"
#include "s3/s3.h"
#include "sagemaker/jobs/output_files.h"

namespace millrace::sagemaker {

struct Transfer {
  s3::Access& access;
  std::string role_arn, region;
  Checkpoint checkpoint;  // between two objects, and within a long upload
  // Of what an input names every `shards`th object from the `shard`th on: a host's part (ShardedByS3Key).
  std::size_t shard = 0, shards = 1;

  // All objects (of the shard) whose key begins with the URI's, below `folder`. Of all shards there must be at least
  // one, unless `may_be_empty`.
  Status download_prefix(const std::string& uri, const std::filesystem::path& folder, blob::BlobStore::Share share,
                         bool may_be_empty = false);
  // The files that the manifest at `uri` lists.
  Status download_manifest(const std::string& uri, const std::filesystem::path& folder, blob::BlobStore::Share share);
  // By S3DataType: S3Prefix (also when empty) or ManifestFile.
  Status download(const std::string& data_type, const std::string& uri, const std::filesystem::path& folder,
                  blob::BlobStore::Share share);
  Status download_object(const std::string& uri, const std::filesystem::path& file, blob::BlobStore::Share share);
  // The first `size` bytes of an open file, from its start; `uri` says its type by its extension.
  Status upload_file(const Fd& file, std::uint64_t size, const std::string& uri);
  // What output_files() finds in `folder` → uri/name. Nothing is uploaded of a folder that is over its budget.
  Status upload_folder(const UntrustedTree& tree, const std::string& folder, const std::string& uri,
                       OutputBudget& budget, std::vector<std::string>& notes);
  // Keys below a prefix, without folder markers, with their place in a folder.
  struct Found {
    std::string key, path;
  };
  Result<std::vector<Found>> find(const std::string& uri);
};

// SageMaker's sentence for an input with nothing in it.
std::string no_objects_found(const std::string& uri, const std::string& region, const std::string& role_arn);

std::string content_type_of(const std::filesystem::path& file);

}  // namespace millrace::sagemaker
