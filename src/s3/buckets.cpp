#include "base/json.h"
#include "base/log.h"
#include "s3/documents.h"
#include "s3/errors.h"
#include "s3/store.h"

namespace millrace::s3 {
namespace {

// What S3 gives each bucket that has none of its own, since 2023 (User Guide, "Default encryption FAQ").
constexpr const char* kEncryptionOfAll =
    R"({"Rules":[{"ApplyServerSideEncryptionByDefault":{"SSEAlgorithm":"AES256"},"BucketKeyEnabled":false}]})";

constexpr std::size_t kBucketsKnown = 1'024;

Bucket bucket_of(const db::Statement& row) {
  auto [name, created, region] = row.columns<std::string, std::int64_t, std::string>();
  return {std::move(name), from_epoch_ms(created), std::move(region), {}, {}};
}

Status insert_document(db::Connection& c, const std::string& bucket, std::string_view name,
                       const std::string& document) {
  return MR_TRY(c.prepare("INSERT INTO s3_bucket_document (bucket, name, "
                          "document) VALUES (?, ?, ?) "
                          "ON CONFLICT (bucket, name) DO UPDATE SET document = "
                          "excluded.document"))
      .bind_all(bucket, name, document)
      .run();
}

Result<Bucket> read_bucket(db::Connection& c, const std::string& name) {
  auto select = MR_TRY(c.prepare("SELECT name, created, region FROM s3_bucket WHERE name = ?"));
  if (!MR_TRY(select.bind_all(name).step())) return no_such_bucket();
  Bucket bucket = bucket_of(select);
  auto documents = MR_TRY(c.prepare("SELECT name, document FROM s3_bucket_document WHERE bucket = ?"));
  documents.bind_all(name);
  while (MR_TRY(documents.step())) {
    auto [document_name, document] = documents.columns<std::string, std::string>();
    bucket.documents.emplace(std::move(document_name), std::move(document));
  }
  if (const std::string& encryption = bucket.document(kEncryptionDocument); !encryption.empty()) {
    auto read = parse_json(encryption);
    if (!read) {
      // Passing over it would write objects plain that are to be encrypted.
      log::error(
          "the default encryption of the bucket {} is damaged in the "
          "database: {}",
          name, read.error().message);
      return error_with("InternalError", "The default encryption of the bucket is damaged and cannot be read.",
                        Code::data_loss);
    }
    bucket.default_encryption = std::move(*read);
  }
  return bucket;
}

}  // namespace

const std::string& Bucket::document(std::string_view document_name) const {
  static const std::string kNone;
  const auto found = documents.find(document_name);
  return found == documents.end() ? kNone : found->second;
}

Status Store::require_bucket(db::Connection& c, const std::string& name) {
  auto select = MR_TRY(c.prepare("SELECT 1 FROM s3_bucket WHERE name = ?"));
  return MR_TRY(select.bind_all(name).step()) ? Status() : Status(no_such_bucket());
}

// A change is seen once it is acknowledged: what was read before it is forgotten first.
Status Store::change_buckets(const Work& work) {
  auto changed = write(work);
  const MutexLock lock(buckets_mutex_);
  ++buckets_generation_;
  buckets_known_.clear();
  return changed;
}

Status Store::create_bucket(const std::string& name, const std::string& region,
                            const std::map<std::string, std::string>& documents) {
  auto status = change_buckets([&](db::Connection& c, std::vector<blob::Key>&) -> Status {
    MR_TRY(MR_TRY(c.prepare("INSERT INTO s3_bucket (name, created, region) "
                            "VALUES (?, ?, ?)"))
               .bind_all(name, to_epoch_ms(clock_.now()), region)
               .run());
    for (const auto& [document_name, document] : documents) {
      if (!document.empty()) MR_TRY(insert_document(c, name, document_name, document));
    }
    return {};
  });
  if (!status && status.error().code == Code::already_exists) {
    return error_with("BucketAlreadyOwnedByYou",
                      "Your previous request to create the named bucket succeeded and you already own it.",
                      Code::already_exists);
  }
  return status;
}

Result<std::shared_ptr<const Bucket>> Store::bucket(const std::string& name) {
  std::uint64_t generation = 0;
  {
    const MutexLock lock(buckets_mutex_);
    if (const auto found = buckets_known_.find(name); found != buckets_known_.end()) return found->second;
    generation = buckets_generation_;
  }
  auto bucket = std::make_shared<Bucket>();
  MR_TRY(database_.read([&](db::Connection& c) -> Status {
    *bucket = MR_TRY(read_bucket(c, name));
    return {};
  }));
  if (encrypts_ == S3::Encrypts::by_default && bucket->document(kEncryptionDocument).empty()) {
    bucket->documents[std::string(kEncryptionDocument)] = kEncryptionOfAll;
    bucket->default_encryption = MR_TRY(parse_json(kEncryptionOfAll));
  }
  const MutexLock lock(buckets_mutex_);
  if (buckets_known_.size() >= kBucketsKnown) buckets_known_.clear();
  if (generation == buckets_generation_) buckets_known_.insert_or_assign(name, bucket);
  return std::shared_ptr<const Bucket>(std::move(bucket));
}

Result<std::vector<Bucket>> Store::buckets() {
  std::vector<Bucket> found;
  MR_TRY(database_.read([&](db::Connection& c) -> Status {
    auto select = MR_TRY(c.prepare("SELECT name, created, region FROM s3_bucket ORDER BY name"));
    while (MR_TRY(select.step())) found.push_back(bucket_of(select));
    return {};
  }));
  return found;
}

Status Store::delete_bucket(const std::string& name) {
  return change_buckets([&](db::Connection& c, std::vector<blob::Key>& garbage) -> Status {
    MR_TRY(require_bucket(c, name));
    auto object = MR_TRY(c.prepare("SELECT 1 FROM s3_object WHERE bucket = ? LIMIT 1"));
    if (MR_TRY(object.bind_all(name).step())) {
      return error_with("BucketNotEmpty", "The bucket you tried to delete is not empty", Code::failed_precondition);
    }
    // Uploads under way do not hold a bucket: they end with it.
    auto parts =
        MR_TRY(c.prepare("SELECT p.blob FROM s3_part p JOIN s3_upload u ON u.id = p.upload WHERE u.bucket = ?"));
    parts.bind_all(name);
    while (MR_TRY(parts.step())) garbage.push_back(parts.text(0));
    for (const char* table : {"s3_upload", "s3_completed_upload"})
      MR_TRY(MR_TRY(c.prepare(std::string("DELETE FROM ") + table + " WHERE bucket = ?")).bind_all(name).run());
    return MR_TRY(c.prepare("DELETE FROM s3_bucket WHERE name = ?")).bind_all(name).run();
  });
}

Status Store::set_document(const std::string& bucket, std::string_view name, const std::string& document) {
  return change_buckets([&](db::Connection& c, std::vector<blob::Key>&) -> Status {
    MR_TRY(require_bucket(c, bucket));
    if (!document.empty()) return insert_document(c, bucket, name, document);
    return MR_TRY(c.prepare("DELETE FROM s3_bucket_document WHERE bucket = "
                            "? AND name = ?"))
        .bind_all(bucket, name)
        .run();
  });
}

}  // namespace millrace::s3
