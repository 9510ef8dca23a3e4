#pragma once
// Where the bytes of artifacts are. An artifact's URI is one of an object store (minio://bucket/key, s3://…, gs://…),
// as KFP's are; its bytes are a file or directory of this machine, <directory>/artifacts/<scheme>/<bucket>/<key>. A
// task in a sandbox finds it at /minio/<bucket>/<key> (/s3, /gcs), where the SDK looks; any other task is given the
// file's own path in the place of the URI. Source: kubeflow/pipelines backend/src/v2/objectstore/config.go,
// sdk/python/kfp/dsl/types/artifact_types.py.

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/value.h"
#include "pipelines/pipelines.h"

namespace millrace::pipelines::executors {

inline constexpr std::string_view kDefaultRoot = "minio://mlpipeline/v2/artifacts";
inline constexpr std::string_view kWorkspacePath = "/kfp-workspace";

// Errors: invalid_argument for what is no URI of a store known here, or leads out of it.
Status check_root(std::string_view pipeline_root);

// The file or directory that holds the artifact; it need not exist. A plain path and file:// are themselves. nullopt: a
// scheme whose bytes are not on this machine.
std::optional<std::filesystem::path> artifact_file(const Options& options, std::string_view uri);
// The URI of a file in the store; any other path as it is.
std::string artifact_uri(const Options& options, const std::filesystem::path& file);

// The file or directory that a URI names, for a client. A URI is what a task says, so one that leads elsewhere, by dots
// or by a symbolic link, is nobody's to read over the API. Errors: not_found; permission_denied for a path that is not
// among the artifacts; unimplemented for a store whose bytes are not here.
Result<std::filesystem::path> readable_artifact(const Options& options, std::string_view uri);

// Where the SDK looks for an artifact: "/minio/bucket/key"; empty for schemes that it does not know.
std::string path_in_task(const Value& artifact);

// {"artifacts": [...]} with each URI as a task without a sandbox is told it, and back.
Value with_local_paths(const Options& options, const Value& artifacts);
Value with_store_uris(const Options& options, const Value& artifacts);

}  // namespace millrace::pipelines::executors
