#include "s3/store.h"

#include <fmt/core.h>

#include "base/json.h"
#include "base/log.h"
#include "s3/errors.h"

namespace millrace::s3 {
namespace {

// Keys compare as bytes (SQLite's BINARY collation, PostgreSQL's "C"): that is
// S3's UTF-8 order.
constexpr db::Migration kMigrations[] = {
    {1, R"(
CREATE TABLE s3_bucket (
  name TEXT PRIMARY KEY, created INTEGER NOT NULL, region TEXT NOT NULL, policy TEXT NOT NULL DEFAULT ''
) STRICT, WITHOUT ROWID;
CREATE TABLE s3_object (
  bucket TEXT NOT NULL REFERENCES s3_bucket(name), key TEXT NOT NULL, blob TEXT NOT NULL, size INTEGER NOT NULL,
  etag TEXT NOT NULL, modified INTEGER NOT NULL, metadata TEXT NOT NULL, PRIMARY KEY (bucket, key)
) STRICT, WITHOUT ROWID;
CREATE TABLE s3_upload (
  id TEXT PRIMARY KEY, bucket TEXT NOT NULL REFERENCES s3_bucket(name), key TEXT NOT NULL, initiated INTEGER NOT NULL,
  metadata TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX s3_upload_by_key ON s3_upload (bucket, key, id);
CREATE TABLE s3_part (
  upload TEXT NOT NULL REFERENCES s3_upload(id) ON DELETE CASCADE, number INTEGER NOT NULL, blob TEXT NOT NULL,
  size INTEGER NOT NULL, etag TEXT NOT NULL, modified INTEGER NOT NULL, metadata TEXT NOT NULL,
  PRIMARY KEY (upload, number)
) STRICT, WITHOUT ROWID;
CREATE TABLE s3_garbage (blob TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;
)"},
    {2, "ALTER TABLE s3_bucket ADD COLUMN tags TEXT NOT NULL DEFAULT ''"},
    {3, R"(
ALTER TABLE s3_object ADD COLUMN checksum TEXT NOT NULL DEFAULT '';
CREATE TABLE s3_completed_upload (
  id TEXT PRIMARY KEY, bucket TEXT NOT NULL, key TEXT NOT NULL, etag TEXT NOT NULL, completed INTEGER NOT NULL,
  metadata TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX s3_completed_upload_by_time ON s3_completed_upload (completed);
)"},
    {4, R"(
CREATE TABLE s3_bucket_document (
  bucket TEXT NOT NULL REFERENCES s3_bucket(name) ON DELETE CASCADE, name TEXT NOT NULL, document TEXT NOT NULL,
  PRIMARY KEY (bucket, name)
) STRICT, WITHOUT ROWID;
INSERT INTO s3_bucket_document (bucket, name, document)
  SELECT name, 'policy', policy FROM s3_bucket WHERE policy <> '';
INSERT INTO s3_bucket_document (bucket, name, document)
  SELECT name, 'tagging', tags FROM s3_bucket WHERE tags NOT IN ('', '{}');
ALTER TABLE s3_bucket DROP COLUMN policy;
ALTER TABLE s3_bucket DROP COLUMN tags;
)"},
};

Value to_value(const std::map<std::string, std::string>& map) {
  Value out = Value::object();
  for (const auto& [name, value] : map) out.set(name, value);
  return out;
}

std::map<std::string, std::string> to_map(const Value& value) {
  std::map<std::string, std::string> out;
  for (const auto& [name, member] : value.members()) out[name] = member.string_or();
  return out;
}

}  // namespace

std::string metadata_text(const Metadata& metadata) {
  Value out = Value::object();
  if (!metadata.system.empty()) out.set("system", to_value(metadata.system));
  if (!metadata.user.empty()) out.set("user", to_value(metadata.user));
  if (!metadata.checksums.empty()) out.set("checksums", to_value(metadata.checksums));
  if (!metadata.tags.empty()) out.set("tags", to_value(metadata.tags));
  if (metadata.encryption.asked()) out.set("encryption", to_value(metadata.encryption));
  return to_json(out);
}

Result<Metadata> parse_metadata(std::string_view text, std::string_view what) {
  const auto value = parse_json(text.empty() ? "{}" : text);
  if (value && value->is_object())
    return Metadata{to_map((*value)["system"]), to_map((*value)["user"]), to_map((*value)["checksums"]),
                    to_map((*value)["tags"]), encryption_of((*value)["encryption"])};
  log::error("the metadata of {} is damaged in the database: {}", what,
             value ? "it is no object" : value.error().message);
  return error_with("InternalError", fmt::format("The metadata of {} is damaged and cannot be read.", what),
                    Code::data_loss);
}

Status Store::open() {
  MR_TRY(database_.migrate("s3", kMigrations));
  std::vector<blob::Key> garbage;
  MR_TRY(database_.read([&](db::Connection& c) -> Status {
    auto select = MR_TRY(c.prepare("SELECT blob FROM s3_garbage"));
    while (MR_TRY(select.step())) garbage.push_back(select.text(0));
    return {};
  }));
  collect(std::move(garbage));
  return {};
}

Status Store::write(const Work& work) {
  std::vector<blob::Key> garbage;
  auto written = database_.write([&](db::Connection& c) -> Status {
    MR_TRY(work(c, garbage));
    std::erase(garbage, std::string());
    auto note =
        MR_TRY(c.prepare("INSERT INTO s3_garbage (blob) VALUES (?) ON "
                         "CONFLICT (blob) DO NOTHING"));
    for (const auto& blob : garbage) MR_TRY(note.bind_all(blob).run());
    return {};
  });
  if (!written) return fail(storage_error(std::move(written).error()));
  collect(std::move(garbage));
  return {};
}

void Store::collect(std::vector<blob::Key> garbage) {
  if (garbage.empty()) return;
  std::erase_if(garbage, [&](const blob::Key& blob) {
    const auto removed = blobs_.remove(blob);
    if (!removed) log::warn("a blob stays until the next start: {}", removed.error().message);
    return !removed;
  });
  // Not waited for: a row left behind only means that an absent blob is removed once more.
  database_.write_async(
      [garbage = std::move(garbage)](db::Connection& c) -> Status {
        auto remove = MR_TRY(c.prepare("DELETE FROM s3_garbage WHERE blob = ?"));
        for (const auto& blob : garbage) MR_TRY(remove.bind_all(blob).run());
        return {};
      },
      [](const Status&) {});
}

void Store::discard(const blob::Key& blob) {
  if (blob.empty()) return;
  if (const auto removed = blobs_.remove(blob); !removed) log::warn("{}", removed.error().message);
}

}  // namespace millrace::s3
