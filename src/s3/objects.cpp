#include "s3/conditions.h"
#include "s3/errors.h"
#include "s3/joined_checksum.h"
#include "s3/store.h"

namespace millrace::s3 {
namespace {

constexpr int kOpenAttempts = 4;  // each means that another writer has just replaced the object

Object object_of(const db::Statement& row) {
  auto [bucket, key, blob, size, etag, modified] =
      row.columns<std::string, std::string, std::string, std::uint64_t, std::string, std::int64_t>();
  Object object;
  object.bucket = std::move(bucket);
  object.key = std::move(key);
  object.blob = std::move(blob);
  object.size = size;
  object.etag = std::move(etag);
  object.modified = from_epoch_ms(modified);
  return object;
}

// For listings, which do not read the metadata.
std::string checksum_kind(const Metadata& metadata) {
  if (metadata.checksums.empty()) return "";
  const auto& [algorithm, value] = *metadata.checksums.begin();
  std::string kind;
  for (const char c : algorithm) kind += c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  // "…-3" is of three parts; base64 has no hyphen.
  kind += ' ';
  kind += value.find('-') == std::string::npos ? kFullObject : kComposite;
  return kind;
}

// The first text after every text that begins with `prefix`; empty: there is none.
std::string after_prefix(std::string prefix) {
  while (!prefix.empty() && static_cast<unsigned char>(prefix.back()) == 0xff) prefix.pop_back();
  if (!prefix.empty()) prefix.back() = static_cast<char>(static_cast<unsigned char>(prefix.back()) + 1);
  return prefix;
}

}  // namespace

Status Store::put_row(db::Connection& c, const Object& object, const WriteCondition& condition,
                      std::vector<blob::Key>& garbage) {
  MR_TRY(require_bucket(c, object.bucket));
  std::optional<std::string> etag;
  {
    auto old = MR_TRY(c.prepare("SELECT blob, etag FROM s3_object WHERE bucket = ? AND key = ?"));
    if (MR_TRY(old.bind_all(object.bucket, object.key).step())) {
      garbage.push_back(old.text(0));
      etag = old.text(1);
    }
  }
  if (!condition.if_none_match.empty() && etag && tag_matches(condition.if_none_match, *etag)) {
    return precondition_failed();
  }
  if (!condition.if_match.empty()) {
    if (!etag) return no_such_key();
    if (!tag_matches(condition.if_match, *etag)) return precondition_failed();
  }
  return MR_TRY(
             c.prepare("INSERT INTO s3_object (bucket, key, blob, size, etag, modified, metadata, checksum) "
                       "VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (bucket, key) DO UPDATE SET blob = excluded.blob, "
                       "size = excluded.size, etag = excluded.etag, modified = excluded.modified, "
                       "metadata = excluded.metadata, checksum = excluded.checksum"))
      .bind_all(object.bucket, object.key, object.blob, object.size, object.etag, to_epoch_ms(object.modified),
                metadata_text(object.metadata), checksum_kind(object.metadata))
      .run();
}

Result<Object> Store::put(const std::string& bucket, const std::string& key, Content content, Metadata metadata,
                          const WriteCondition& condition) {
  metadata.checksums = std::move(content.checksums);
  metadata.encryption = std::move(content.encryption);
  const Object object{bucket, key, content.blob, content.size, content.etag, clock_.now(), std::move(metadata), {}};
  auto written =
      write([&](db::Connection& c, std::vector<blob::Key>& garbage) { return put_row(c, object, condition, garbage); });
  if (!written) {
    discard(content.blob);
    return fail(std::move(written).error());
  }
  return object;
}

Result<Object> Store::object_row(db::Connection& c, const std::string& bucket, const std::string& key) {
  auto select = MR_TRY(c.prepare(
      "SELECT bucket, key, blob, size, etag, modified, metadata FROM s3_object WHERE bucket = ? AND key = ?"));
  if (!MR_TRY(select.bind_all(bucket, key).step())) {
    MR_TRY(require_bucket(c, bucket));
    return no_such_key();
  }
  Object found = object_of(select);
  found.metadata = MR_TRY(parse_metadata(select.text(6), "s3://" + bucket + "/" + key));
  return found;
}

Result<Object> Store::object(const std::string& bucket, const std::string& key) {
  Object found;
  MR_TRY(database_.read([&](db::Connection& c) -> Status {
    found = MR_TRY(object_row(c, bucket, key));
    return {};
  }));
  return found;
}

Status Store::set_object_tags(const std::string& bucket, const std::string& key, Tags tags) {
  return database_.write([&](db::Connection& c) -> Status {
    Metadata metadata = MR_TRY(object_row(c, bucket, key)).metadata;
    metadata.tags = tags;
    return MR_TRY(c.prepare("UPDATE s3_object SET metadata = ? WHERE bucket = ? AND key = ?"))
        .bind_all(metadata_text(metadata), bucket, key)
        .run();
  });
}

Result<ContentReader> Store::content_of(Fd file, std::uint64_t size, const Encryption& encryption) const {
  return ContentReader(std::move(file), size, encryption.asked() ? MR_TRY(keys_.open(encryption)) : std::string());
}

Result<Store::Opened> Store::open_object(const std::string& bucket, const std::string& key) {
  for (int attempt = 1;; ++attempt) {
    Opened opened{MR_TRY(object(bucket, key)), {}};
    if (opened.object.blob.empty()) return opened;
    auto reader = blobs_.open(opened.object.blob);
    if (reader) {
      opened.content =
          MR_TRY(content_of(std::move(reader->file), opened.object.size, opened.object.metadata.encryption));
      return opened;
    }
    if (reader.error().code != Code::not_found || attempt == kOpenAttempts) return fail(std::move(reader).error());
  }
}

Status Store::remove(const std::string& bucket, const std::vector<std::string>& keys, const std::string& if_match) {
  return write([&](db::Connection& c, std::vector<blob::Key>& garbage) -> Status {
    MR_TRY(require_bucket(c, bucket));
    if (!if_match.empty()) {
      auto select = MR_TRY(c.prepare("SELECT etag FROM s3_object WHERE bucket = ? AND key = ?"));
      for (const auto& key : keys) {
        if (!MR_TRY(select.bind_all(bucket, key).step())) return no_such_key();
        if (!tag_matches(if_match, select.text(0))) return precondition_failed();
      }
    }
    auto remove = MR_TRY(c.prepare("DELETE FROM s3_object WHERE bucket = ? AND key = ? RETURNING blob"));
    for (const auto& key : keys) {
      remove.bind_all(bucket, key);
      while (MR_TRY(remove.step())) garbage.push_back(remove.text(0));
    }
    return {};
  });
}

Result<Listing> Store::list(const std::string& bucket, const ListQuery& query) {
  Listing listing;
  MR_TRY(database_.read([&](db::Connection& c) -> Status {
    MR_TRY(require_bucket(c, bucket));
    auto select =
        MR_TRY(c.prepare("SELECT bucket, key, blob, size, etag, modified, "
                         "checksum FROM s3_object "
                         "WHERE bucket = ? AND key >= ? ORDER BY key"));
    // The first key that may be listed; the key that the listing goes on behind is left out below.
    select.bind_all(bucket, std::max(query.prefix, query.after));
    while (MR_TRY(select.step())) {
      const std::string key = select.text(1);
      if (!key.starts_with(query.prefix)) return {};
      if (key == query.after) continue;
      const auto end = query.delimiter.empty() ? std::string::npos : key.find(query.delimiter, query.prefix.size());
      const std::string group = end == std::string::npos ? "" : key.substr(0, end + query.delimiter.size());
      if (group.empty() || group != query.after) {
        if (listing.objects.size() + listing.prefixes.size() >= query.limit) {
          listing.truncated = true;
          return {};
        }
        if (group.empty()) {
          listing.objects.push_back(object_of(select));
          listing.objects.back().checksum_kind = select.text(6);
          listing.last = key;
          continue;
        }
        listing.prefixes.push_back(group);
        listing.last = group;
      }
      // One common prefix may represent a million keys: go on behind them.
      const std::string next = after_prefix(group);
      if (next.empty()) return {};
      select.bind_all(bucket, next);
    }
    return {};
  }));
  if (query.limit == 0) listing.truncated = false;
  return listing;
}

}  // namespace millrace::s3
