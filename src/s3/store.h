#pragma once
// Buckets, objects and uploads as rows; their bytes are blobs. No wire shapes and no authorisation here.
//
// A blob that no row names any more is first written down as garbage, in the transaction that let go of it, and removed
// after that transaction is durable: a crash in between leaves work for the next start, never a row without bytes.

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/mutex.h"
#include "base/result.h"
#include "base/time.h"
#include "base/value.h"
#include "blob/blob_store.h"
#include "db/database.h"
#include "s3/content_reader.h"
#include "s3/encryption.h"
#include "s3/s3.h"
#include "s3/tags.h"

namespace millrace::s3 {

struct Bucket {
  std::string name;
  Time created{};
  std::string region;
  std::map<std::string, std::string, std::less<>> documents;          // those that it has, by name; see documents.h.
                                                                      // S3's own default encryption is one of them
  Value default_encryption;                                           // the document of that, read; null: none
  const std::string& document(std::string_view document_name) const;  // empty: none
};

// What is kept beside the bytes and given back with them.
struct Metadata {
  std::map<std::string, std::string> system;     // by the model's member: ContentType, CacheControl…
  std::map<std::string, std::string> user;       // x-amz-meta-…
  std::map<std::string, std::string> checksums;  // by algorithm: "crc32" -> base64
  Tags tags;
  Encryption encryption;
};

// Bytes that are committed as a blob, not yet named by a row.
struct Content {
  blob::Key blob;  // empty when there are no bytes
  std::uint64_t size = 0;
  std::string etag;  // hex, without quotes
  std::map<std::string, std::string> checksums;
  Encryption encryption;
};

struct Object {
  std::string bucket, key;
  blob::Key blob;
  std::uint64_t size = 0;
  std::string etag;
  Time modified{};
  Metadata metadata;
  std::string checksum_kind;  // of a listing: "CRC32 FULL_OBJECT"; empty: none
};

struct Upload {
  std::string id, bucket, key;
  Time initiated{};
  Metadata metadata;
};

struct Part {
  int number = 0;
  blob::Key blob;
  std::uint64_t size = 0;
  std::string etag;
  Time modified{};
  std::map<std::string, std::string> checksums;
  Encryption encryption;
};

// If-Match and If-None-Match of a write; empty: no condition.
struct WriteCondition {
  std::string if_match, if_none_match;
};

struct ListQuery {
  std::string prefix, delimiter;
  std::string after;          // key or common prefix that the listing goes on behind
  std::size_t limit = 1'000;  // keys and common prefixes together
};
struct Listing {
  std::vector<Object> objects;  // without metadata
  std::vector<std::string> prefixes;
  bool truncated = false;
  std::string last;  // the last key or common prefix
};

class Store {
 public:
  Store(db::Database& database, blob::BlobStore& blobs, const Clock& clock, std::string account,
        std::string sealing_key, S3::Encrypts encrypts = S3::Encrypts::on_request)
      : database_(database),
        blobs_(blobs),
        clock_(clock),
        account_(std::move(account)),
        keys_(std::move(sealing_key)),
        encrypts_(encrypts) {}
  Status open();
  Time now() const { return clock_.now(); }
  blob::BlobStore& blobs() { return blobs_; }
  const std::string& account() const { return account_; }
  const DataKeys& keys() const { return keys_; }

  // buckets.cpp. `documents` by name; an empty one is none.
  Status create_bucket(const std::string& name, const std::string& region,
                       const std::map<std::string, std::string>& documents);
  // With its documents. Kept until the next change of any bucket, so that a request reads it once at most.
  Result<std::shared_ptr<const Bucket>> bucket(const std::string& name);
  Result<std::vector<Bucket>> buckets();          // without documents
  Status delete_bucket(const std::string& name);  // BucketNotEmpty
  Status set_document(const std::string& bucket, std::string_view name, const std::string& document);

  // objects.cpp. `content` becomes the object's, or is removed when the write fails.
  Result<Object> put(const std::string& bucket, const std::string& key, Content content, Metadata metadata,
                     const WriteCondition& condition = {});
  Result<Object> object(const std::string& bucket, const std::string& key);
  // The object and its bytes, open: an overwrite in between is seen as a whole or not at all.
  struct Opened {
    Object object;
    ContentReader content;
  };
  Result<Opened> open_object(const std::string& bucket, const std::string& key);
  Result<ContentReader> content_of(Fd file, std::uint64_t size, const Encryption& encryption) const;
  void discard(const blob::Key& blob);  // of content that no row came to name
  // Absent keys are success, but with an If-Match: then each has to be there, with that tag.
  Status remove(const std::string& bucket, const std::vector<std::string>& keys, const std::string& if_match = {});
  Status set_object_tags(const std::string& bucket, const std::string& key, Tags tags);
  Result<Listing> list(const std::string& bucket, const ListQuery& query);

  // uploads.cpp
  Result<Upload> begin_upload(const std::string& bucket, const std::string& key, Metadata metadata);
  Result<Upload> upload(const std::string& bucket, const std::string& key, const std::string& id);
  Result<Part> put_part(const Upload& upload, int number, Content content);
  struct WantedPart {
    int number = 0;
    std::string etag;
  };
  // `present`: as parts() gave them.
  Result<Object> complete_upload(const Upload& upload, const std::vector<Part>& present,
                                 const std::vector<WantedPart>& wanted, const WriteCondition& condition);
  // What an upload that was completed with these parts became; its bytes may be others' since. Kept for a day.
  // NoSuchUpload.
  Result<Object> completed_upload(const std::string& bucket, const std::string& key, const std::string& id,
                                  const std::vector<WantedPart>& parts);
  Status abort_upload(const Upload& upload);
  Result<std::vector<Part>> parts(const Upload& upload, int after, std::size_t limit);
  Result<std::vector<Upload>> uploads(const std::string& bucket, const std::string& prefix,
                                      const std::string& after_key, const std::string& after_id, std::size_t limit);

 private:
  // Runs `work` in one write; it may name garbage, which is noted in the same transaction and removed afterwards.
  using Work = std::function<Status(db::Connection&, std::vector<blob::Key>& garbage)>;
  Status write(const Work& work);
  Status change_buckets(const Work& work);
  Status require_bucket(db::Connection& c, const std::string& name);
  Result<Object> object_row(db::Connection& c, const std::string& bucket, const std::string& key);
  Status put_row(db::Connection& c, const Object& object, const WriteCondition& condition,
                 std::vector<blob::Key>& garbage);
  void collect(std::vector<blob::Key> garbage);
  // `checksum` empty: none is computed.
  Result<Content> join(const Upload& upload, const std::vector<Part>& parts, const std::string& checksum);

  db::Database& database_;
  blob::BlobStore& blobs_;
  const Clock& clock_;
  const std::string account_;
  const DataKeys keys_;
  const S3::Encrypts encrypts_;

  // Buckets as they are in the database. A row that was read before a change is not kept after it.
  Mutex buckets_mutex_;
  std::uint64_t buckets_generation_ MR_GUARDED_BY(buckets_mutex_) = 0;
  std::map<std::string, std::shared_ptr<const Bucket>> buckets_known_ MR_GUARDED_BY(buckets_mutex_);
};

std::string metadata_text(const Metadata& metadata);  // as it stands in a row
// InternalError for a row that is damaged: `what` ("s3://bucket/key") is written to the log with it. Reading it as
// empty would lose what it held at the next write.
Result<Metadata> parse_metadata(std::string_view text, std::string_view what);

}  // namespace millrace::s3
