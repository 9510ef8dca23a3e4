#include "sagemaker/jobs/transfer.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include <fmt/core.h>

#include "base/file.h"
#include "sagemaker/jobs/object_paths.h"

namespace millrace::sagemaker {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxManifestBytes = 16u << 20;
constexpr std::size_t kMaxFiles = 1'000'000;  // in one input

// SageMaker's sentence for an input that cannot be read.
Error download_failed(const Transfer& t, const std::string& uri, const std::string& bucket, const Error& cause) {
  return Error(cause.code,
               fmt::format("Data download failed:Failed to download data from \"{}\". Please ensure that the bucket "
                           "exists in the selected region ({}), that objects exist under that S3 prefix, and that the "
                           "role \"{}\" has \"s3:ListBucket\" permissions on bucket \"{}\". Error message from S3: {}",
                           uri, t.region, t.role_arn, bucket, cause.message),
               cause.reason);
}

Error upload_failed(const Transfer& t, const std::string& uri, const Error& cause) {
  return Error(cause.code,
               fmt::format("Failed to upload to \"{}\". Please ensure that the bucket exists and that the role \"{}\" "
                           "has \"s3:PutObject\" permissions on it. Error message from S3: {}",
                           uri, t.role_arn, cause.message),
               cause.reason);
}

// The first bytes of an open file as a request's body.
class OpenFileBody final : public net::BodyReader {
 public:
  OpenFileBody(int file, std::uint64_t size, const Checkpoint& checkpoint)
      : file_(file), size_(size), checkpoint_(checkpoint) {}
  Result<std::size_t> read(std::span<char> buffer) override {
    if (checkpoint_) MR_TRY(checkpoint_());
    const std::size_t wanted = static_cast<std::size_t>(std::min<std::uint64_t>(buffer.size(), size_ - at_));
    while (wanted > 0) {
      const ssize_t n = ::pread(file_, buffer.data(), wanted, static_cast<off_t>(at_));
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return fail(system_error("cannot read a file of the job", errno));
      at_ += static_cast<std::uint64_t>(n);
      return static_cast<std::size_t>(n);
    }
    return std::size_t{0};
  }
  std::optional<std::uint64_t> length() const override { return size_; }

 private:
  const int file_;
  const std::uint64_t size_;
  const Checkpoint& checkpoint_;
  std::uint64_t at_ = 0;
};

}  // namespace

std::string no_objects_found(const std::string& uri, const std::string& region, const std::string& role_arn) {
  const std::string_view rest = std::string_view(uri).substr(uri.find("//") + 2);
  return fmt::format(
      "No S3 objects found under S3 URL \"{}\" given in input data source. Please ensure that the bucket exists in the "
      "selected region ({}), that objects exist under that S3 prefix, and that the role \"{}\" has \"s3:ListBucket\" "
      "permissions on bucket \"{}\".",
      uri, region, role_arn, rest.substr(0, rest.find('/')));
}

std::string content_type_of(const fs::path& file) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 8> kTypes{{{".csv", "text/csv"},
                                                                                 {".json", "application/json"},
                                                                                 {".jsonl", "application/jsonlines"},
                                                                                 {".txt", "text/plain"},
                                                                                 {".html", "text/html"},
                                                                                 {".gz", "application/gzip"},
                                                                                 {".png", "image/png"},
                                                                                 {".pdf", "application/pdf"}}};
  const std::string extension = file.extension().string();
  for (const auto& [suffix, type] : kTypes) {
    if (extension == suffix) return std::string(type);
  }
  return "binary/octet-stream";
}

Result<std::vector<Transfer::Found>> Transfer::find(const std::string& uri) {
  const auto parsed = MR_TRY(s3::parse_uri(uri));
  const auto objects = access.list(parsed.bucket, parsed.key);
  if (!objects) return fail(download_failed(*this, uri, parsed.bucket, objects.error()));
  std::vector<Found> found;
  for (const auto& object : *objects) {
    if (is_folder_marker(object.key)) continue;
    found.push_back({object.key, MR_TRY(relative_object_path(parsed.key, object.key))});
    if (found.size() > kMaxFiles) {
      return fail(Code::resource_exhausted, fmt::format("more than {} objects lie under \"{}\"", kMaxFiles, uri));
    }
  }
  return found;
}

Status Transfer::download_prefix(const std::string& uri, const fs::path& folder, blob::BlobStore::Share share,
                                 bool may_be_empty) {
  const auto parsed = MR_TRY(s3::parse_uri(uri));
  // trusted-path: downloaded before anything of the job runs
  MR_TRY(make_directories(folder));
  const auto found = MR_TRY(find(uri));
  if (found.empty() && !may_be_empty) {
    return fail(Code::not_found, "Data download failed:" + no_objects_found(uri, region, role_arn));
  }
  for (std::size_t i = shard; i < found.size(); i += shards) {
    const auto& [key, path] = found[i];
    if (checkpoint) MR_TRY(checkpoint());
    const fs::path file = folder / path;
    // trusted-path: downloaded before anything of the job runs
    MR_TRY(make_directories(file.parent_path()));
    if (auto done = access.materialise(parsed.bucket, key, file, share); !done) {
      return fail(download_failed(*this, "s3://" + parsed.bucket + "/" + key, parsed.bucket, done.error()));
    }
  }
  return {};
}

Status Transfer::download_object(const std::string& uri, const fs::path& file, blob::BlobStore::Share share) {
  if (checkpoint) MR_TRY(checkpoint());
  const auto parsed = MR_TRY(s3::parse_uri(uri));
  // trusted-path: downloaded before anything of the job runs
  MR_TRY(make_directories(file.parent_path()));
  if (auto done = access.materialise(parsed.bucket, parsed.key, file, share); !done) {
    return fail(download_failed(*this, uri, parsed.bucket, done.error()));
  }
  return {};
}

Status Transfer::download_manifest(const std::string& uri, const fs::path& folder, blob::BlobStore::Share share) {
  const auto parsed = MR_TRY(s3::parse_uri(uri));
  const auto text = access.read(parsed.bucket, parsed.key, kMaxManifestBytes);
  if (!text) return fail(download_failed(*this, uri, parsed.bucket, text.error()));
  const auto entries = parse_manifest(*text);
  if (!entries) return fail(entries.error().code, fmt::format("\"{}\": {}", uri, entries.error().message));
  // trusted-path: downloaded before anything of the job runs
  MR_TRY(make_directories(folder));
  for (std::size_t i = shard; i < entries->size(); i += shards) {
    const auto& [object, path] = (*entries)[i];
    MR_TRY(download_object(object, folder / path, share));
  }
  return {};
}

Status Transfer::download(const std::string& data_type, const std::string& uri, const fs::path& folder,
                          blob::BlobStore::Share share) {
  if (data_type == "ManifestFile") return download_manifest(uri, folder, share);
  return download_prefix(uri, folder, share);
}

Status Transfer::upload_file(const Fd& file, std::uint64_t size, const std::string& uri) {
  const auto parsed = MR_TRY(s3::parse_uri(uri));
  OpenFileBody body(file.get(), size, checkpoint);
  const auto put = access.put_body(parsed.bucket, parsed.key, body, content_type_of(parsed.key));
  if (!put) return fail(upload_failed(*this, uri, put.error()));
  return {};
}

Status Transfer::upload_folder(const UntrustedTree& tree, const std::string& folder, const std::string& uri,
                               OutputBudget& budget, std::vector<std::string>& notes) {
  for (const auto& [path, name, size, executable] : MR_TRY(output_files(tree, folder, budget, notes))) {
    MR_TRY(upload_file(MR_TRY(tree.open_file(path, Links::within)), size, join_uri(uri, name)));
  }
  return {};
}

}  // namespace millrace::sagemaker
