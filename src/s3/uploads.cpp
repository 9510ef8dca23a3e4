#include <algorithm>
#include <array>

#include <fmt/core.h>

#include "base/encode.h"
#include "base/hash.h"
#include "base/ids.h"
#include "s3/content.h"
#include "s3/errors.h"
#include "s3/joined_checksum.h"
#include "s3/store.h"

namespace millrace::s3 {
namespace {

constexpr std::uint64_t kLeastPartBytes = 5u << 20;  // of every part but the last
constexpr std::size_t kUploadIdLength = 64;

constexpr std::int64_t kCompletedKeptMs = 24 * 60 * 60 * 1000;

Result<Upload> upload_of(const db::Statement& row) {
  auto [id, bucket, key, initiated, text] =
      row.columns<std::string, std::string, std::string, std::int64_t, std::string>();
  Metadata metadata = MR_TRY(parse_metadata(text, fmt::format("upload {} of s3://{}/{}", id, bucket, key)));
  return Upload{std::move(id), std::move(bucket), std::move(key), from_epoch_ms(initiated), std::move(metadata)};
}

Result<Part> part_of(const db::Statement& row, const Upload& upload) {
  auto [number, blob, size, etag, modified, text] =
      row.columns<int, std::string, std::uint64_t, std::string, std::int64_t, std::string>();
  const std::string what = fmt::format("part {} of s3://{}/{}", number, upload.bucket, upload.key);
  Metadata metadata = MR_TRY(parse_metadata(text, what));
  return Part{number,
              std::move(blob),
              size,
              std::move(etag),
              from_epoch_ms(modified),
              std::move(metadata.checksums),
              std::move(metadata.encryption)};
}

Status require_upload(db::Connection& c, const std::string& id) {
  auto select = MR_TRY(c.prepare("SELECT 1 FROM s3_upload WHERE id = ?"));
  return MR_TRY(select.bind_all(id).step()) ? Status() : Status(no_such_upload());
}

// The MD5 of the parts' MD5s, and how many they were.
std::string joined_etag(const std::vector<Store::WantedPart>& parts) {
  Hasher hasher(Digest::md5);
  for (const auto& part : parts) hasher.update(from_hex(part.etag).value_or(""));
  return fmt::format("{}-{}", to_hex(hasher.finish()), parts.size());
}

// By the algorithm that the upload was begun with, else by the default one; none where a part came without.
std::map<std::string, std::string> joined_checksums(const Upload& upload, const std::vector<Part>& parts) {
  std::map<std::string, std::string> joined;
  static const std::map<std::string, std::string> kDefault = {{"crc64nvme", std::string(kFullObject)}};
  const auto& asked = upload.metadata.checksums;
  for (const auto& [algorithm, type] : asked.empty() ? kDefault : asked) {
    std::vector<PartChecksum> each;
    for (const Part& part : parts) {
      const auto found = part.checksums.find(algorithm);
      each.push_back({found == part.checksums.end() ? "" : found->second, part.size});
    }
    if (auto value = joined_checksum(algorithm, type, each)) joined[algorithm] = std::move(*value);
  }
  return joined;
}

Status remove_upload(db::Connection& c, const std::string& id, std::vector<blob::Key>& garbage) {
  auto parts = MR_TRY(c.prepare("SELECT blob FROM s3_part WHERE upload = ?"));
  parts.bind_all(id);
  while (MR_TRY(parts.step())) garbage.push_back(parts.text(0));
  return MR_TRY(c.prepare("DELETE FROM s3_upload WHERE id = ?")).bind_all(id).run();
}

// In the transaction that makes the object. Those that are older than a retry could be go.
Status remember_completed(db::Connection& c, const std::string& id, const Object& object) {
  const std::int64_t now = to_epoch_ms(object.modified);
  MR_TRY(
      MR_TRY(c.prepare("DELETE FROM s3_completed_upload WHERE completed < ?")).bind_all(now - kCompletedKeptMs).run());
  return MR_TRY(c.prepare("INSERT INTO s3_completed_upload (id, bucket, key, etag, completed, metadata) "
                          "VALUES (?, ?, ?, ?, ?, ?)"))
      .bind_all(id, object.bucket, object.key, object.etag, now, metadata_text(object.metadata))
      .run();
}

}  // namespace

Result<Object> Store::completed_upload(const std::string& bucket, const std::string& key, const std::string& id,
                                       const std::vector<WantedPart>& parts) {
  Object found;
  MR_TRY(database_.read([&](db::Connection& c) -> Status {
    auto select = MR_TRY(
        c.prepare("SELECT etag, completed, metadata FROM s3_completed_upload WHERE id = ? AND bucket = ? AND key = ?"));
    if (!MR_TRY(select.bind_all(id, bucket, key).step()) || select.text(0) != joined_etag(parts))
      return no_such_upload();
    found.bucket = bucket;
    found.key = key;
    found.etag = select.text(0);
    found.modified = from_epoch_ms(select.integer(1));
    found.metadata = MR_TRY(parse_metadata(select.text(2), "s3://" + bucket + "/" + key));
    return {};
  }));
  return found;
}

Result<Upload> Store::begin_upload(const std::string& bucket, const std::string& key, Metadata metadata) {
  const Upload upload{random_hex(kUploadIdLength), bucket, key, clock_.now(), std::move(metadata)};
  MR_TRY(database_.write([&](db::Connection& c) -> Status {
    MR_TRY(require_bucket(c, bucket));
    return MR_TRY(c.prepare("INSERT INTO s3_upload (id, bucket, key, initiated, metadata) VALUES (?, ?, ?, ?, ?)"))
        .bind_all(upload.id, bucket, key, to_epoch_ms(upload.initiated), metadata_text(upload.metadata))
        .run();
  }));
  return upload;
}

Result<Upload> Store::upload(const std::string& bucket, const std::string& key, const std::string& id) {
  Upload found;
  MR_TRY(database_.read([&](db::Connection& c) -> Status {
    MR_TRY(require_bucket(c, bucket));
    auto select = MR_TRY(c.prepare(
        "SELECT id, bucket, key, initiated, metadata FROM s3_upload WHERE id = ? AND bucket = ? AND key = ?"));
    if (!MR_TRY(select.bind_all(id, bucket, key).step())) return no_such_upload();
    found = MR_TRY(upload_of(select));
    return {};
  }));
  return found;
}

Result<Part> Store::put_part(const Upload& upload, int number, Content content) {
  const Part part{number,       content.blob,      content.size,      content.etag,
                  clock_.now(), content.checksums, content.encryption};
  auto written = write([&](db::Connection& c, std::vector<blob::Key>& garbage) -> Status {
    MR_TRY(require_upload(c, upload.id));
    {
      auto old = MR_TRY(c.prepare("SELECT blob FROM s3_part WHERE upload = ? AND number = ?"));
      if (MR_TRY(old.bind_all(upload.id, number).step())) garbage.push_back(old.text(0));
    }
    return MR_TRY(c.prepare("INSERT INTO s3_part (upload, number, blob, size, "
                            "etag, modified, metadata) "
                            "VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (upload, "
                            "number) DO UPDATE SET "
                            "blob = excluded.blob, size = excluded.size, etag "
                            "= excluded.etag, "
                            "modified = excluded.modified, metadata = "
                            "excluded.metadata"))
        .bind_all(upload.id, number, part.blob, part.size, part.etag, to_epoch_ms(part.modified),
                  metadata_text({{}, {}, part.checksums, {}, part.encryption}))
        .run();
  });
  if (!written) {
    discard(content.blob);
    return fail(std::move(written).error());
  }
  return part;
}

Result<std::vector<Part>> Store::parts(const Upload& upload, int after, std::size_t limit) {
  std::vector<Part> found;
  MR_TRY(database_.read([&](db::Connection& c) -> Status {
    auto select =
        MR_TRY(c.prepare("SELECT number, blob, size, etag, modified, metadata FROM s3_part "
                         "WHERE upload = ? AND number > ? ORDER BY number LIMIT ?"));
    select.bind_all(upload.id, after, limit);
    while (MR_TRY(select.step())) found.push_back(MR_TRY(part_of(select, upload)));
    return {};
  }));
  return found;
}

Result<Content> Store::join(const Upload& upload, const std::vector<Part>& parts, const std::string& checksum) {
  ContentWriter writer(*this, {checksum, ""}, upload.metadata.encryption);
  for (const Part& part : parts) {
    if (part.blob.empty()) continue;
    auto blob = blobs_.open(part.blob);
    if (!blob) return blob.error().code == Code::not_found ? Result<Content>(no_such_upload()) : fail(blob.error());
    ContentReader content = MR_TRY(content_of(std::move(blob->file), part.size, part.encryption));
    MR_TRY(writer.write_content(content, 0, part.size));
  }
  return writer.finish();
}

Result<Object> Store::complete_upload(const Upload& upload, const std::vector<Part>& present,
                                      const std::vector<WantedPart>& wanted, const WriteCondition& condition) {
  std::vector<Part> chosen;
  for (const WantedPart& want : wanted) {
    if (!chosen.empty() && chosen.back().number >= want.number) {
      return error_with("InvalidPartOrder",
                        "The list of parts was not in ascending order. Parts must be ordered by part number.");
    }
    const auto found =
        std::find_if(present.begin(), present.end(), [&](const Part& part) { return part.number == want.number; });
    if (found == present.end() || found->etag != want.etag) return invalid_part();
    if (!chosen.empty() && chosen.back().size < kLeastPartBytes) {
      return error_with("EntityTooSmall", "Your proposed upload is smaller than the minimum allowed size");
    }
    chosen.push_back(*found);
  }
  if (chosen.empty()) return malformed_xml();
  Content content;
  Metadata metadata = upload.metadata;
  metadata.checksums = joined_checksums(upload, chosen);
  const bool one = chosen.size() == 1;  // its blob is the object's
  if (one) {
    content = {chosen.front().blob, chosen.front().size, "", chosen.front().checksums, chosen.front().encryption};
  } else {
    content = MR_TRY(join(upload, chosen, metadata.checksums.empty() ? "crc64nvme" : ""));
  }
  metadata.encryption = content.encryption;
  // Parts that came with other checksums than the default one.
  if (metadata.checksums.empty()) metadata.checksums = content.checksums;
  const Object object{upload.bucket,       upload.key,   content.blob,        content.size,
                      joined_etag(wanted), clock_.now(), std::move(metadata), {}};
  auto written = write([&](db::Connection& c, std::vector<blob::Key>& garbage) -> Status {
    MR_TRY(require_upload(c, upload.id));  // the same upload may be completed twice at a time
    MR_TRY(remove_upload(c, upload.id, garbage));
    if (one && std::erase(garbage, content.blob) == 0 && !content.blob.empty()) return invalid_part();
    MR_TRY(put_row(c, object, condition, garbage));
    return remember_completed(c, upload.id, object);
  });
  if (!written) {
    if (!one) discard(content.blob);
    return fail(std::move(written).error());
  }
  return object;
}

Status Store::abort_upload(const Upload& upload) {
  return write([&](db::Connection& c, std::vector<blob::Key>& garbage) -> Status {
    MR_TRY(require_upload(c, upload.id));
    return remove_upload(c, upload.id, garbage);
  });
}

Result<std::vector<Upload>> Store::uploads(const std::string& bucket, const std::string& prefix,
                                           const std::string& after_key, const std::string& after_id,
                                           std::size_t limit) {
  std::vector<Upload> found;
  MR_TRY(database_.read([&](db::Connection& c) -> Status {
    MR_TRY(require_bucket(c, bucket));
    // Without an id the marker stands behind all uploads of its key.
    auto select =
        MR_TRY(c.prepare("SELECT id, bucket, key, initiated, metadata FROM s3_upload WHERE "
                         "bucket = ? AND key >= ? AND "
                         "(key > ? OR (? <> '' AND key = ? AND id > ?)) ORDER BY key, id"));
    select.bind_all(bucket, prefix, after_key, after_id, after_key, after_id);
    while (found.size() < limit && MR_TRY(select.step())) {
      Upload upload = MR_TRY(upload_of(select));
      if (!upload.key.starts_with(prefix)) break;
      found.push_back(std::move(upload));
    }
    return {};
  }));
  return found;
}

}  // namespace millrace::s3
