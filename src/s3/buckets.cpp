#include "s3/errors.h"
#include "s3/store.h"

namespace millrace::s3 {
namespace {

Bucket bucket_of(const db::Statement& row) {
  return {row.text(0), from_epoch_ms(row.integer(1)), row.text(2), row.text(3)};
}

}  // namespace

Status Store::require_bucket(db::Connection& c, const std::string& name) {
  auto select = MR_TRY(c.prepare("SELECT 1 FROM s3_bucket WHERE name = ?"));
  return MR_TRY(select.bind(std::string_view(name)).step()) ? Status() : Status(no_such_bucket());
}

Status Store::create_bucket(const std::string& name, const std::string& region, const std::string& policy) {
  auto status = database_.write([&](db::Connection& c) -> Status {
    return MR_TRY(c.prepare("INSERT INTO s3_bucket (name, created, region, policy) VALUES (?, ?, ?, ?)"))
        .bind(std::string_view(name))
        .bind(to_epoch_ms(clock_.now()))
        .bind(std::string_view(region))
        .bind(std::string_view(policy))
        .run();
  });
  if (!status && status.error().code == Code::already_exists) {
    return error_with("BucketAlreadyOwnedByYou",
                      "Your previous request to create the named bucket succeeded and you already own it.",
                      Code::already_exists);
  }
  return status;
}

Result<Bucket> Store::bucket(const std::string& name) {
  Bucket found;
  MR_TRY(database_.read([&](db::Connection& c) -> Status {
    auto select = MR_TRY(c.prepare("SELECT name, created, region, policy FROM s3_bucket WHERE name = ?"));
    if (!MR_TRY(select.bind(std::string_view(name)).step())) return no_such_bucket();
    found = bucket_of(select);
    return {};
  }));
  return found;
}

Result<std::vector<Bucket>> Store::buckets() {
  std::vector<Bucket> found;
  MR_TRY(database_.read([&](db::Connection& c) -> Status {
    auto select = MR_TRY(c.prepare("SELECT name, created, region, policy FROM s3_bucket ORDER BY name"));
    while (MR_TRY(select.step())) found.push_back(bucket_of(select));
    return {};
  }));
  return found;
}

Status Store::delete_bucket(const std::string& name) {
  return write([&](db::Connection& c, std::vector<blob::Key>& garbage) -> Status {
    MR_TRY(require_bucket(c, name));
    auto object = MR_TRY(c.prepare("SELECT 1 FROM s3_object WHERE bucket = ? LIMIT 1"));
    if (MR_TRY(object.bind(std::string_view(name)).step())) {
      return error_with("BucketNotEmpty", "The bucket you tried to delete is not empty", Code::failed_precondition);
    }
    // Uploads under way do not hold a bucket: they end with it.
    auto parts =
        MR_TRY(c.prepare("SELECT p.blob FROM s3_part p JOIN s3_upload u ON u.id = p.upload WHERE u.bucket = ?"));
    parts.bind(std::string_view(name));
    while (MR_TRY(parts.step())) garbage.push_back(parts.text(0));
    for (const char* table : {"s3_upload", "s3_completed_upload"}) {
      MR_TRY(MR_TRY(c.prepare(std::string("DELETE FROM ") + table + " WHERE bucket = ?"))
                 .bind(std::string_view(name))
                 .run());
    }
    return MR_TRY(c.prepare("DELETE FROM s3_bucket WHERE name = ?")).bind(std::string_view(name)).run();
  });
}

Status Store::set_policy(const std::string& name, const std::string& policy) {
  return database_.write([&](db::Connection& c) -> Status {
    auto update = MR_TRY(c.prepare("UPDATE s3_bucket SET policy = ? WHERE name = ?"));
    MR_TRY(update.bind(std::string_view(policy)).bind(std::string_view(name)).run());
    return c.changes() == 0 ? Status(no_such_bucket()) : Status();
  });
}

Result<Tags> Store::bucket_tags(const std::string& name) {
  Tags tags;
  MR_TRY(database_.read([&](db::Connection& c) -> Status {
    auto select = MR_TRY(c.prepare("SELECT tags FROM s3_bucket WHERE name = ?"));
    if (!MR_TRY(select.bind(std::string_view(name)).step())) return no_such_bucket();
    tags = MR_TRY(parse_metadata(select.text(0), "s3://" + name)).tags;
    return {};
  }));
  return tags;
}

Status Store::set_bucket_tags(const std::string& name, const Tags& tags) {
  Metadata metadata;
  metadata.tags = tags;
  return database_.write([&](db::Connection& c) -> Status {
    auto update = MR_TRY(c.prepare("UPDATE s3_bucket SET tags = ? WHERE name = ?"));
    MR_TRY(update.bind(std::string_view(metadata_text(metadata))).bind(std::string_view(name)).run());
    return c.changes() == 0 ? Status(no_such_bucket()) : Status();
  });
}

}  // namespace millrace::s3
