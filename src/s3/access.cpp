#include "s3/access.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <limits>

#include <fmt/core.h>

#include "s3/content.h"
#include "s3/errors.h"
#include "s3/names.h"
#include "s3/ops/ops.h"

namespace millrace::s3 {
namespace {

constexpr std::size_t kMostListed = 1'000'000;
constexpr int kMaterialiseAttempts = 4;
constexpr std::size_t kBufferBytes = 256 * 1024;

ObjectInfo info_of(const Object& object) {
  const auto type = object.metadata.system.find("ContentType");
  return {object.bucket, object.key,     object.etag, type == object.metadata.system.end() ? "" : type->second,
          object.size,   object.modified};
}

class StoreAccess final : public Access {
 public:
  StoreAccess(Store& store, aws::Gateway* gateway, aws::Principal principal)
      : store_(store), gateway_(gateway), principal_(std::move(principal)) {}

  Result<std::vector<ObjectInfo>> list(const std::string& bucket, const std::string& prefix) override {
    MR_TRY(may("ListObjectsV2", {"s3:ListBucket", ops::bucket_arn(bucket), {{"s3:prefix", {prefix}}}}));
    std::vector<ObjectInfo> found;
    ListQuery query{prefix, "", "", ops::kPage};
    while (true) {
      const Listing page = MR_TRY(store_.list(bucket, query));
      for (const auto& object : page.objects) found.push_back(info_of(object));
      if (!page.truncated) return found;
      if (found.size() >= kMostListed) {
        return fail(Code::resource_exhausted,
                    fmt::format("more than {} objects begin with s3://{}/{}", kMostListed, bucket, prefix));
      }
      query.after = page.last;
    }
  }

  Result<Folder> folder(const std::string& bucket, const std::string& prefix, std::size_t limit) override {
    MR_TRY(may("ListObjectsV2",
               {"s3:ListBucket", ops::bucket_arn(bucket), {{"s3:prefix", {prefix}}, {"s3:delimiter", {"/"}}}}));
    Listing page = MR_TRY(store_.list(bucket, {prefix, "/", "", limit}));
    Folder folder{std::move(page.prefixes), {}, page.truncated};
    for (const auto& object : page.objects) folder.objects.push_back(info_of(object));
    return folder;
  }

  Result<ObjectInfo> head(const std::string& bucket, const std::string& key) override {
    MR_TRY(may_object("HeadObject", "s3:GetObject", bucket, key));
    auto object = store_.object(bucket, key);
    if (!object) return fail(absent_or_denied(bucket, std::move(object).error()));
    return info_of(*object);
  }

  Result<std::string> read(const std::string& bucket, const std::string& key, std::size_t max_bytes) override {
    MR_TRY(may_object("GetObject", "s3:GetObject", bucket, key));
    auto found = store_.open_object(bucket, key);
    if (!found) return fail(absent_or_denied(bucket, std::move(found).error()));
    auto& opened = *found;
    if (opened.object.size > max_bytes) {
      return fail(Code::resource_exhausted, fmt::format("s3://{}/{} has {} bytes, more than the {} that are read here",
                                                        bucket, key, opened.object.size, max_bytes));
    }
    std::string bytes(opened.object.size, '\0');
    MR_TRY(opened.content.read_exactly(0, bytes));
    return bytes;
  }

  Status materialise(const std::string& bucket, const std::string& key, const std::filesystem::path& path,
                     blob::BlobStore::Share how) override {
    MR_TRY(may_object("GetObject", "s3:GetObject", bucket, key));
    for (int attempt = 1;; ++attempt) {
      auto found = store_.object(bucket, key);
      if (!found) return fail(absent_or_denied(bucket, std::move(found).error()));
      const Object& object = *found;
      if (object.blob.empty()) return make_file(path, nullptr);
      if (object.metadata.encryption.asked()) {
        auto opened = MR_TRY(store_.open_object(bucket, key));
        return make_file(path, &opened.content);
      }
      auto made = store_.blobs().materialise(object.blob, path, how);
      if (made) return made;
      // Overwritten since: the blob is gone, the object has another. Anything else stands.
      const auto again = store_.object(bucket, key);
      if (again && again->blob == object.blob) return made;
      if (attempt == kMaterialiseAttempts) return made;
    }
  }

  Result<ObjectInfo> put(const std::string& bucket, const std::string& key, std::string_view bytes,
                         std::string_view content_type) override {
    return put_with(bucket, key, content_type, [&](ContentWriter& writer) { return writer.write(bytes); });
  }

  Result<ObjectInfo> put_body(const std::string& bucket, const std::string& key, net::BodyReader& body,
                              std::string_view content_type) override {
    return put_with(bucket, key, content_type, [&](ContentWriter& writer) {
      return writer.write_body(body, std::numeric_limits<std::uint64_t>::max());
    });
  }

  Result<ObjectInfo> put_file(const std::string& bucket, const std::string& key, const std::filesystem::path& file,
                              std::string_view content_type) override {
    const Fd source(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
    if (!source) return fail(system_error("cannot read " + file.string(), errno));
    return put_with(bucket, key, content_type, [&](ContentWriter& writer) { return writer.write_file(source.get()); });
  }

 private:
  Status may(std::string_view operation, const aws::Check& check) {
    return gateway_ == nullptr ? Status() : gateway_->authorise(principal_, "s3", operation, check);
  }
  // A put from within asks for no encryption of its own.
  Result<Encryption> default_encryption(const Bucket& bucket) const {
    if (bucket.default_encryption.is_null()) return Encryption();
    return wanted_encryption({store_.account(), bucket.region}, Value::object(), bucket.default_encryption);
  }
  Status may_object(std::string_view operation, const char* action, const std::string& bucket, const std::string& key) {
    return may(operation, {action, ops::object_arn(bucket, key), {}});
  }

  // As ops::absent_or_denied.
  Error absent_or_denied(const std::string& bucket, Error error) {
    if (error.reason != "NoSuchKey") return error;
    auto may_list = may("ListObjectsV2", {"s3:ListBucket", ops::bucket_arn(bucket), {}});
    return may_list ? std::move(error) : std::move(may_list).error();
  }

  // `content` null: an empty one.
  static Status make_file(const std::filesystem::path& path, ContentReader* content) {
    const Fd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, content == nullptr ? 0600 : 0644));
    if (!file) return fail(system_error("cannot make " + path.string(), errno));
    std::vector<char> buffer(kBufferBytes);
    for (std::uint64_t at = 0; content != nullptr && at < content->size();) {
      const std::size_t n = MR_TRY(content->read_at(at, buffer));
      MR_TRY(write_all(file.get(), {buffer.data(), n}, path));
      at += n;
    }
    return {};
  }

  static Status write_all(int file, std::string_view bytes, const std::filesystem::path& path) {
    while (!bytes.empty()) {
      const ssize_t n = ::write(file, bytes.data(), bytes.size());
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return fail(system_error("cannot write " + path.string(), errno));
      bytes.remove_prefix(static_cast<std::size_t>(n));
    }
    return {};
  }

  template <class Write>
  Result<ObjectInfo> put_with(const std::string& bucket, const std::string& key, std::string_view content_type,
                              const Write& write_bytes) {
    MR_TRY(
        may("PutObject", {"s3:PutObject", ops::object_arn(bucket, key), {{"s3:ObjectCreationOperation", {"true"}}}}));
    MR_TRY(check_key(key));
    const auto kept = MR_TRY(store_.bucket(bucket));
    ContentWriter writer(store_, {}, MR_TRY(default_encryption(*kept)));
    MR_TRY(write_bytes(writer));
    Metadata metadata;
    if (!content_type.empty()) metadata.system["ContentType"] = content_type;
    return info_of(MR_TRY(store_.put(bucket, key, MR_TRY(writer.finish()), std::move(metadata))));
  }

  Store& store_;
  aws::Gateway* gateway_;
  const aws::Principal principal_;
};

}  // namespace

std::unique_ptr<Access> make_access(Store& store, aws::Gateway* gateway, aws::Principal principal) {
  return std::make_unique<StoreAccess>(store, gateway, std::move(principal));
}

}  // namespace millrace::s3
