#include "sagemaker/store.h"

#include <fmt/core.h>

#include "base/json.h"
#include "base/strings.h"
#include "db/dialect.h"
#include "sagemaker/errors.h"

namespace millrace::sagemaker {
namespace {

constexpr std::size_t kMaxTags = 50;  // per resource, as AWS

constexpr db::Migration kMigrations[] = {
    {1, R"sql(
CREATE TABLE sagemaker_resource (
  kind     TEXT    NOT NULL,
  name     TEXT    NOT NULL COLLATE NOCASE,
  arn      TEXT    NOT NULL,
  status   TEXT    NOT NULL,
  parent   TEXT    NOT NULL COLLATE NOCASE,
  created  INTEGER NOT NULL,
  modified INTEGER NOT NULL,
  active   INTEGER NOT NULL,
  body     TEXT    NOT NULL,
  state    TEXT    NOT NULL,
  PRIMARY KEY (kind, name)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX sagemaker_resource_arn ON sagemaker_resource (arn);
CREATE INDEX sagemaker_resource_created ON sagemaker_resource (kind, created, name);
CREATE INDEX sagemaker_resource_active ON sagemaker_resource (kind) WHERE active = 1;
CREATE INDEX sagemaker_resource_parent ON sagemaker_resource (parent) WHERE parent <> '';
CREATE TABLE sagemaker_tag (
  arn   TEXT NOT NULL,
  key   TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (arn, key)
) STRICT, WITHOUT ROWID;
)sql"},
    {2, R"sql(
CREATE TABLE sagemaker_async_invocation (
  seq      INTEGER PRIMARY KEY AUTOINCREMENT,
  id       TEXT    NOT NULL UNIQUE,
  endpoint TEXT    NOT NULL,
  accepted INTEGER NOT NULL,
  request  TEXT    NOT NULL
) STRICT;
CREATE INDEX sagemaker_async_invocation_endpoint ON sagemaker_async_invocation (endpoint, seq);
)sql"},
};

constexpr std::string_view kColumns = "kind, name, arn, status, parent, created, modified, active, body, state";

Result<Resource> read_row(const db::Statement& row) {
  Resource resource;
  const KindInfo* kind = find_kind(row.text(0));
  if (kind == nullptr) return fail(Code::data_loss, "an unknown kind of SageMaker resource is stored");
  resource.kind = kind->kind;
  resource.name = row.text(1);
  resource.arn = row.text(2);
  resource.status = row.text(3);
  resource.parent = row.text(4);
  resource.created = from_epoch_ms(row.integer(5));
  resource.modified = from_epoch_ms(row.integer(6));
  resource.active = row.integer(7) != 0;
  resource.body = MR_TRY(parse_json(row.text(8)));
  resource.state = MR_TRY(parse_json(row.text(9)));
  return resource;
}

Result<std::vector<Resource>> read_rows(db::Statement& statement) {
  std::vector<Resource> rows;
  while (MR_TRY(statement.step())) rows.push_back(MR_TRY(read_row(statement)));
  return rows;
}

std::string_view sort_column(ListQuery::Sort sort) {
  switch (sort) {
    case ListQuery::Sort::name:
      return "name";
    case ListQuery::Sort::status:
      return "status";
    case ListQuery::Sort::created:
      break;
  }
  return "created";
}

std::string like_pattern(std::string_view text) {
  std::string pattern = "%";
  for (const char c : text) {
    if (c == '%' || c == '_' || c == '\\') pattern += '\\';
    pattern += c;
  }
  return pattern + "%";
}

Status put_tags(db::Connection& connection, const std::string& arn, const Tags& tags) {
  for (const auto& [key, value] : tags) {
    auto insert =
        MR_TRY(connection.prepare("INSERT INTO sagemaker_tag (arn, key, value) VALUES (?, ?, ?) "
                                  "ON CONFLICT (arn, key) DO UPDATE SET value = excluded.value"));
    MR_TRY(insert.bind(std::string_view(arn)).bind(std::string_view(key)).bind(std::string_view(value)).run());
  }
  return {};
}

}  // namespace

Status Store::open() { return database_.migrate("sagemaker", kMigrations); }

Status Store::insert_in(db::Connection& connection, const Resource& r, const Tags& tags) {
  {
    auto insert = MR_TRY(connection.prepare(
        fmt::format("INSERT INTO sagemaker_resource ({}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", kColumns)));
    const Status done = insert.bind(info_of(r.kind).name)
                            .bind(std::string_view(r.name))
                            .bind(std::string_view(r.arn))
                            .bind(std::string_view(r.status))
                            .bind(std::string_view(r.parent))
                            .bind(to_epoch_ms(r.created))
                            .bind(to_epoch_ms(r.modified))
                            .bind(r.active)
                            .bind(std::string_view(to_json(r.body)))
                            .bind(std::string_view(to_json(r.state)))
                            .run();
    if (!done && done.error().code == Code::already_exists) return fail(exists_already(r.kind, r.name, r.arn));
    MR_TRY(done);
  }
  return put_tags(connection, r.arn, tags);
}

Status Store::insert(const Resource& resource, const Tags& tags, const Guard& guard) {
  return database_.write([&](db::Connection& connection) -> Status {
    if (guard) MR_TRY(guard(connection));
    return insert_in(connection, resource, tags);
  });
}

Result<std::optional<Resource>> Store::find_in(db::Connection& connection, Kind kind, const std::string& name) {
  auto select = MR_TRY(
      connection.prepare(fmt::format("SELECT {} FROM sagemaker_resource WHERE kind = ? AND name = ?", kColumns)));
  if (!MR_TRY(select.bind(info_of(kind).name).bind(std::string_view(name)).step())) return std::nullopt;
  return std::optional<Resource>(MR_TRY(read_row(select)));
}

Result<std::optional<Resource>> Store::find(Kind kind, const std::string& name) {
  std::optional<Resource> found;
  MR_TRY(database_.read([&](db::Connection& connection) -> Status {
    found = MR_TRY(find_in(connection, kind, name));
    return {};
  }));
  return found;
}

Result<Resource> Store::get(Kind kind, const std::string& name, const AccountRegion& account_region) {
  auto found = MR_TRY(find(kind, name));
  if (!found) return fail(no_such(kind, name, arn_of(account_region, kind, name)));
  return std::move(*found);
}

Status Store::update_in(db::Connection& connection, const Resource& r) {
  auto update =
      MR_TRY(connection.prepare("UPDATE sagemaker_resource SET status = ?, modified = ?, active = ?, "
                                "body = ?, state = ? WHERE kind = ? AND name = ?"));
  return update.bind(std::string_view(r.status))
      .bind(to_epoch_ms(r.modified))
      .bind(r.active)
      .bind(std::string_view(to_json(r.body)))
      .bind(std::string_view(to_json(r.state)))
      .bind(info_of(r.kind).name)
      .bind(std::string_view(r.name))
      .run();
}

Result<Resource> Store::change(Kind kind, const std::string& name, const Change& change) {
  Resource changed;
  MR_TRY(database_.write([&](db::Connection& connection) -> Status {
    auto found = MR_TRY(find_in(connection, kind, name));
    if (!found) return fail(Code::not_found, "the resource is gone", "ResourceNotFound");
    MR_TRY(change(*found));
    MR_TRY(update_in(connection, *found));
    changed = std::move(*found);
    return {};
  }));
  return changed;
}

Result<bool> Store::erase(Kind kind, const std::string& name, const Guard& guard) {
  bool erased = false;
  MR_TRY(database_.write([&](db::Connection& connection) -> Status {
    if (guard) MR_TRY(guard(connection));
    auto found = MR_TRY(find_in(connection, kind, name));
    erased = found.has_value();
    if (!found) return {};
    auto tags = MR_TRY(connection.prepare("DELETE FROM sagemaker_tag WHERE arn = ?"));
    MR_TRY(tags.bind(std::string_view(found->arn)).run());
    auto row = MR_TRY(connection.prepare("DELETE FROM sagemaker_resource WHERE kind = ? AND name = ?"));
    return row.bind(info_of(kind).name).bind(std::string_view(name)).run();
  }));
  return erased;
}

Result<std::vector<Resource>> Store::list(Kind kind, const ListQuery& query) {
  std::string sql = fmt::format("SELECT {} FROM sagemaker_resource WHERE kind = ?", kColumns);
  if (!query.name_contains.empty()) sql += " AND name LIKE ? ESCAPE '\\'";
  if (!query.status.empty()) sql += " AND status = ?";
  if (!query.parent.empty()) sql += " AND parent = ?";
  if (query.created_after) sql += " AND created >= ?";
  if (query.created_before) sql += " AND created <= ?";
  if (query.modified_after) sql += " AND modified >= ?";
  if (query.modified_before) sql += " AND modified <= ?";
  for (const auto& [path, text] : query.equal) sql += fmt::format(" AND {} = ?", db::json_member("body", path));
  const std::string_view column = sort_column(query.sort);
  const std::string_view direction = query.descending ? "DESC" : "ASC";
  if (query.after) sql += fmt::format(" AND ({}, name) {} (?, ?)", column, query.descending ? "<" : ">");
  sql += fmt::format(" ORDER BY {} {}, name {} LIMIT ?", column, direction, direction);

  std::vector<Resource> rows;
  MR_TRY(database_.read([&](db::Connection& connection) -> Status {
    auto select = MR_TRY(connection.prepare(sql));
    select.bind(info_of(kind).name);
    const std::string pattern = like_pattern(query.name_contains);
    if (!query.name_contains.empty()) select.bind(std::string_view(pattern));
    if (!query.status.empty()) select.bind(std::string_view(query.status));
    if (!query.parent.empty()) select.bind(std::string_view(query.parent));
    for (const auto& bound : {query.created_after, query.created_before, query.modified_after, query.modified_before}) {
      if (bound) select.bind(to_epoch_ms(*bound));
    }
    for (const auto& [path, text] : query.equal) select.bind(std::string_view(text));
    if (query.after) {
      if (query.sort == ListQuery::Sort::created) {
        select.bind(parse_int(query.after->first).value_or(0));
      } else {
        select.bind(std::string_view(query.after->first));
      }
      select.bind(std::string_view(query.after->second));
    }
    select.bind(static_cast<std::int64_t>(query.limit));
    rows = MR_TRY(read_rows(select));
    return {};
  }));
  return rows;
}

Result<std::vector<Resource>> Store::active() {
  std::vector<Resource> rows;
  MR_TRY(database_.read([&](db::Connection& connection) -> Status {
    auto select = MR_TRY(connection.prepare(
        fmt::format("SELECT {} FROM sagemaker_resource WHERE active = 1 ORDER BY created, name", kColumns)));
    rows = MR_TRY(read_rows(select));
    return {};
  }));
  return rows;
}

Result<std::size_t> Store::count_active() {
  std::size_t count = 0;
  MR_TRY(database_.read([&](db::Connection& connection) -> Status {
    auto select = MR_TRY(connection.prepare("SELECT COUNT(*) FROM sagemaker_resource WHERE active = 1"));
    if (MR_TRY(select.step())) count = static_cast<std::size_t>(select.integer(0));
    return {};
  }));
  return count;
}

Result<std::vector<SageMaker::Count>> Store::counts(std::string_view where) {
  std::vector<SageMaker::Count> counts;
  MR_TRY(database_.read([&](db::Connection& connection) -> Status {
    auto select = MR_TRY(connection.prepare(fmt::format(
        "SELECT kind, status, COUNT(*) FROM sagemaker_resource {} GROUP BY kind, status ORDER BY kind, status",
        where)));
    while (MR_TRY(select.step())) {
      counts.push_back({select.text(0), select.text(1), static_cast<std::size_t>(select.integer(2))});
    }
    return {};
  }));
  return counts;
}

Result<std::size_t> Store::count_active_in(db::Connection& connection, Kind kind) {
  auto select = MR_TRY(connection.prepare("SELECT COUNT(*) FROM sagemaker_resource WHERE active = 1 AND kind = ?"));
  const bool found = MR_TRY(select.bind(info_of(kind).name).step());
  return found ? static_cast<std::size_t>(select.integer(0)) : std::size_t{0};
}

Result<std::size_t> Store::count_in(db::Connection& connection, Kind kind) {
  auto select = MR_TRY(connection.prepare("SELECT COUNT(*) FROM sagemaker_resource WHERE kind = ?"));
  const bool found = MR_TRY(select.bind(info_of(kind).name).step());
  return found ? static_cast<std::size_t>(select.integer(0)) : std::size_t{0};
}

Result<std::vector<Resource>> Store::children_in(db::Connection& connection, const std::string& parent) {
  auto select = MR_TRY(connection.prepare(fmt::format(
      "SELECT {} FROM sagemaker_resource WHERE parent = ? AND parent <> '' AND kind = ? ORDER BY name", kColumns)));
  select.bind_all(parent, info_of(Kind::training_job).name);
  return read_rows(select);
}

Result<bool> Store::has_children_in(db::Connection& connection, Kind kind, const std::string& parent) {
  auto select = MR_TRY(
      connection.prepare("SELECT 1 FROM sagemaker_resource WHERE parent = ? AND parent <> '' AND kind = ? LIMIT 1"));
  return select.bind_all(parent, info_of(kind).name).step();
}

Status Store::orphan_in(db::Connection& connection, const std::string& parent) {
  auto update = MR_TRY(
      connection.prepare("UPDATE sagemaker_resource SET parent = '' WHERE parent = ? AND parent <> '' AND kind = ?"));
  return update.bind_all(parent, info_of(Kind::training_job).name).run();
}

Result<std::vector<Resource>> Store::children(const std::string& parent) {
  std::vector<Resource> rows;
  MR_TRY(database_.read([&](db::Connection& connection) -> Status {
    rows = MR_TRY(children_in(connection, parent));
    return {};
  }));
  return rows;
}

Status Store::add_tags(const std::string& arn, const Tags& tags) {
  return database_.write([&](db::Connection& connection) -> Status {
    MR_TRY(put_tags(connection, arn, tags));
    auto count = MR_TRY(connection.prepare("SELECT COUNT(*) FROM sagemaker_tag WHERE arn = ?"));
    if (MR_TRY(count.bind(std::string_view(arn)).step()) && count.integer(0) > static_cast<std::int64_t>(kMaxTags)) {
      return validation_error(fmt::format("A resource can have at most {} tags.", kMaxTags));
    }
    return {};
  });
}

Status Store::remove_tags(const std::string& arn, const std::vector<std::string>& keys) {
  return database_.write([&](db::Connection& connection) -> Status {
    for (const auto& key : keys) {
      auto remove = MR_TRY(connection.prepare("DELETE FROM sagemaker_tag WHERE arn = ? AND key = ?"));
      MR_TRY(remove.bind(std::string_view(arn)).bind(std::string_view(key)).run());
    }
    return {};
  });
}

Result<Tags> Store::tags(const std::string& arn) {
  Tags tags;
  MR_TRY(database_.read([&](db::Connection& connection) -> Status {
    auto select = MR_TRY(connection.prepare("SELECT key, value FROM sagemaker_tag WHERE arn = ? ORDER BY key"));
    select.bind(std::string_view(arn));
    while (MR_TRY(select.step())) tags.emplace_back(select.text(0), select.text(1));
    return {};
  }));
  return tags;
}

Result<bool> Store::arn_exists(const std::string& arn) {
  bool exists = false;
  MR_TRY(database_.read([&](db::Connection& connection) -> Status {
    auto select = MR_TRY(connection.prepare("SELECT 1 FROM sagemaker_resource WHERE arn = ?"));
    exists = MR_TRY(select.bind(std::string_view(arn)).step());
    return {};
  }));
  return exists;
}

}  // namespace millrace::sagemaker
