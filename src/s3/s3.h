#pragma once
// Amazon S3: buckets and objects, bytes in blob/, everything else in SQL.

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "aws/gateway.h"
#include "base/file.h"
#include "base/result.h"
#include "base/time.h"
#include "blob/blob_store.h"
#include "db/database.h"
#include "net/http.h"

namespace millrace::s3 {

struct ObjectInfo {
  std::string bucket, key, etag, content_type;
  std::uint64_t size = 0;
  Time modified{};
};

// "s3://bucket/key/parts" → bucket, key (may be empty). Error: invalid_argument.
struct Uri {
  std::string bucket, key;
};
Result<Uri> parse_uri(std::string_view text);

struct Folder {
  std::vector<std::string> folders;  // with their '/'
  std::vector<ObjectInfo> objects;
  bool truncated = false;  // there are more than `limit`
};

// Objects for the services in this process, on behalf of a principal: every call is authorised exactly as the same
// call over HTTP would be. Errors carry S3's codes (NoSuchBucket, NoSuchKey, AccessDenied).
class Access {
 public:
  virtual ~Access() = default;
  virtual Result<std::vector<ObjectInfo>> list(const std::string& bucket,
                                               const std::string& prefix) = 0;  // all, sorted
  // One level below `prefix`: the objects, and the prefixes of the deeper ones up to the next '/'; at most `limit` of
  // both, in the order of their keys. Costs what it gives, however many objects lie deeper.
  virtual Result<Folder> folder(const std::string& bucket, const std::string& prefix, std::size_t limit) = 0;
  virtual Result<ObjectInfo> head(const std::string& bucket, const std::string& key) = 0;
  virtual Result<std::string> read(const std::string& bucket, const std::string& key, std::size_t max_bytes) = 0;
  // The object as a file at `path` (see blob::BlobStore::materialise).
  virtual Status materialise(const std::string& bucket, const std::string& key, const std::filesystem::path& path,
                             blob::BlobStore::Share how) = 0;
  virtual Result<ObjectInfo> put(const std::string& bucket, const std::string& key, std::string_view bytes,
                                 std::string_view content_type) = 0;
  // The body is read to its end; an error of it leaves no object.
  virtual Result<ObjectInfo> put_body(const std::string& bucket, const std::string& key, net::BodyReader& body,
                                      std::string_view content_type) = 0;
  // The file stays the caller's: its bytes are copied.
  virtual Result<ObjectInfo> put_file(const std::string& bucket, const std::string& key,
                                      const std::filesystem::path& file, std::string_view content_type) = 0;
};

class S3 {
 public:
  // What is encrypted: objects and buckets that ask for it, or all, as at AWS.
  enum class Encrypts { on_request, by_default };
  // `sealing_key`: 32 bytes that the keys of encrypted objects are sealed with; empty: encryption is refused.
  static Result<std::unique_ptr<S3>> open(db::Database& database, blob::BlobStore& blobs, const Clock& clock,
                                          std::string account, std::string region, std::string sealing_key = {},
                                          Encrypts encrypts = Encrypts::on_request);
  virtual ~S3() = default;
  virtual aws::Service service() = 0;
  virtual aws::ResourcePolicy resource_policy() = 0;  // bucket policies, for iam
  // An object's tags as condition keys (s3:ExistingObjectTag/…), for iam; none for what is not there.
  using ConditionTags =
      std::function<Result<std::vector<std::pair<std::string, std::string>>>(const std::string& resource_arn)>;
  virtual ConditionTags condition_tags() = 0;
  // `gateway` authorises; it outlives the result.
  virtual std::unique_ptr<Access> access(aws::Gateway& gateway, aws::Principal principal) = 0;
  // The server's own: no authorisation. For set-up (the public sample bucket) and the console's read side.
  virtual std::unique_ptr<Access> system_access() = 0;
  virtual Status ensure_bucket(const std::string& bucket, std::string_view policy_document) = 0;  // "" : private
  struct BucketInfo {
    std::string name;
    Time created{};
  };
  virtual Result<std::vector<BucketInfo>> buckets() = 0;
};

}  // namespace millrace::s3
