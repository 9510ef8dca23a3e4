#pragma once
// Where the bytes of artifacts are. An artifact's URI is one of an object store (minio://bucket/key, s3://…, gs://…),
// as KFP's are; its bytes are a file or directory of this machine, <directory>/artifacts/<scheme>/<bucket>/<key>; those
// that were brought from S3 for a run are at <directory>/fetched/<run>/s3/<bucket>/<key>. A task in a sandbox finds
// them at /minio/<bucket>/<key> (/s3, /gcs), where the SDK looks; any other task is given the file's own path in the
// place of the URI. Source: kubeflow/pipelines backend/src/v2/objectstore/config.go,
// sdk/python/kfp/dsl/types/artifact_types.py.
//
// Steps write there, and what they say of their artifacts' URIs is theirs: a URI becomes a tree and a path in it
// (base/untrusted_tree.h), and no plain path. Places are paths below <directory>/artifacts or fetched/<run>, which have
// neither empty components nor "." or "..".

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/untrusted_tree.h"
#include "base/value.h"
#include "pipelines/options.h"

namespace millrace::pipelines::executors {

inline constexpr std::string_view kDefaultRoot = "minio://mlpipeline/v2/artifacts";
inline constexpr std::string_view kWorkspacePath = "/kfp-workspace";

// Errors: invalid_argument for what is no URI of a store known here, leads out of it, or into the directory of a run.
Status check_root(std::string_view pipeline_root);

// The place of a URI: "minio/bucket/key". nullopt: a scheme whose bytes are not on this machine, or no usable key.
std::optional<std::string> store_place(std::string_view uri);
bool is_local_uri(std::string_view uri);  // a plain path, or file://
// The place is the directory, or lies in it.
bool lies_in(std::string_view place, std::string_view directory);
std::string parent_place(std::string_view place);

std::filesystem::path store_directory(const Options& options);
std::filesystem::path fetched_directory(const Options& options, const std::string& run_id);
// The store's tree, made if need be.
Result<UntrustedTree> open_store(const Options& options);
// A directory of the store, as a tree that a task sees at its place: its absolute links into itself are understood.
Result<UntrustedTree> open_store_directory(const Options& options, std::string_view place);

// What a URI names, for a client and for the program itself. Links are to be followed within the tree, which is the
// artifacts of the run that the place is of, or else the directory that holds the artifact. `run_id`: what was fetched
// for that run is looked at too. Errors: not_found; permission_denied for a local path; unimplemented for a store whose
// bytes are not here.
struct StoredArtifact {
  UntrustedTree tree;
  std::string path;
};
Result<StoredArtifact> find_artifact(const Options& options, std::string_view uri, const std::string& run_id = {});

// Where the SDK looks for an artifact: "/minio/bucket/key"; empty for schemes that it does not know.
std::string path_in_task(const Value& artifact);

// {"artifacts": [...]} with each URI as a task of the run without a sandbox sees it, and back.
Value with_local_paths(const Options& options, const std::string& run_id, const Value& artifacts);
Value with_store_uris(const Options& options, const std::string& run_id, const Value& artifacts);

}  // namespace millrace::pipelines::executors
