#include "iam/store.h"

#include "base/json.h"
#include "base/strings.h"

namespace millrace::iam {
namespace {

constexpr db::Migration kMigrations[] = {
    {1, R"sql(
      CREATE TABLE iam_entity (
        kind TEXT NOT NULL, name TEXT NOT NULL COLLATE NOCASE, id TEXT NOT NULL UNIQUE, path TEXT NOT NULL, arn TEXT NOT NULL,
        created INTEGER NOT NULL, data TEXT NOT NULL, PRIMARY KEY (kind, name)) STRICT;
      CREATE TABLE iam_link (
        kind TEXT NOT NULL, owner TEXT NOT NULL COLLATE NOCASE, target TEXT NOT NULL COLLATE NOCASE, data TEXT NOT NULL,
        at INTEGER NOT NULL, PRIMARY KEY (kind, owner, target)) STRICT;
      CREATE INDEX iam_link_target ON iam_link (kind, target);
      CREATE TABLE iam_key (
        id TEXT PRIMARY KEY, user TEXT NOT NULL COLLATE NOCASE, secret BLOB NOT NULL, status TEXT NOT NULL, created INTEGER NOT NULL,
        used INTEGER, used_region TEXT NOT NULL DEFAULT '', used_service TEXT NOT NULL DEFAULT '') STRICT;
      CREATE INDEX iam_key_user ON iam_key (user);
      CREATE TABLE iam_session (id TEXT PRIMARY KEY, sealed BLOB NOT NULL, expires INTEGER NOT NULL) STRICT;
      CREATE INDEX iam_session_expires ON iam_session (expires);
    )sql"},
    {2, R"sql(
      CREATE TABLE iam_role_use (id TEXT PRIMARY KEY, used INTEGER NOT NULL, region TEXT NOT NULL) STRICT;
    )sql"},
};

Result<Entity> read_entity(const db::Statement& row) {
  auto [kind, name, id, path, arn, created, data] =
      row.columns<std::string, std::string, std::string, std::string, std::string, std::int64_t, std::string>();
  return Entity{std::move(kind), std::move(name),        std::move(id),           std::move(path),
                std::move(arn),  from_epoch_ms(created), MR_TRY(parse_json(data))};
}

Link read_link(const db::Statement& row) {
  auto [owner, target, data, at] = row.columns<std::string, std::string, std::string, std::int64_t>();
  return {std::move(owner), std::move(target), std::move(data), from_epoch_ms(at)};
}

Key read_key(const db::Statement& row) {
  auto [id, user, secret, status, created, used, region, service] =
      row.columns<std::string, std::string, std::string, std::string, std::int64_t, std::optional<std::int64_t>,
                  std::string, std::string>();
  return {std::move(id),     std::move(user),        std::move(secret),
          std::move(status), from_epoch_ms(created), used ? std::optional(from_epoch_ms(*used)) : std::nullopt,
          std::move(region), std::move(service)};
}

}  // namespace

Status Store::open() { return database_.migrate("iam", kMigrations); }

// What this thread's calls of a store are part of.
struct Store::Transaction {
  Store* store;
  db::Connection& connection;
  Transaction* outer;
};
thread_local Store::Transaction* Store::transaction_ = nullptr;

db::Connection* Store::connection_of_transaction() const {
  for (const Transaction* one = transaction_; one != nullptr; one = one->outer) {
    if (one->store == this) return &one->connection;
  }
  return nullptr;
}

Status Store::together(const std::function<Status()>& changes) {
  return write([&](db::Connection& connection) -> Status {
    Transaction here{this, connection, transaction_};
    struct End {
      Transaction* outer;
      ~End() { transaction_ = outer; }
    } end{std::exchange(transaction_, &here)};
    return changes();
  });
}

Status Store::read(const db::Database::Work& work) {
  if (db::Connection* connection = connection_of_transaction()) return work(*connection);
  return database_.read(work);
}

Status Store::write(const db::Database::Work& work) {
  if (db::Connection* connection = connection_of_transaction()) return work(*connection);
  auto status = database_.write(work);
  ++generation_;
  return status;
}

Status Store::insert(const Entity& entity) {
  return write([&](db::Connection& connection) -> Status {
    auto insert = MR_TRY(connection.prepare(
        "INSERT INTO iam_entity (kind, name, id, path, arn, created, data) VALUES (?, ?, ?, ?, ?, ?, ?)"));
    return insert
        .bind_all(entity.kind, entity.name, entity.id, entity.path, entity.arn, to_epoch_ms(entity.created),
                  to_json(entity.data))
        .run();
  });
}

Status Store::replace(const std::string& old_name, const Entity& entity) {
  return write([&](db::Connection& connection) -> Status {
    auto update = MR_TRY(
        connection.prepare("UPDATE iam_entity SET name = ?, path = ?, arn = ?, data = ? WHERE kind = ? AND name = ?"));
    MR_TRY(update.bind_all(entity.name, entity.path, entity.arn, to_json(entity.data), entity.kind, old_name).run());
    if (old_name == entity.name) return {};
    for (const char* prefix : {"attached-", "inline-"}) {
      auto links = MR_TRY(connection.prepare("UPDATE iam_link SET owner = ? WHERE kind = ? AND owner = ?"));
      MR_TRY(links.bind_all(entity.name, prefix + entity.kind, old_name).run());
    }
    auto members = MR_TRY(connection.prepare(
        entity.kind == "group" ? "UPDATE iam_link SET owner = ? WHERE kind = 'member' AND owner = ?"
                               : "UPDATE iam_link SET target = ? WHERE kind = 'member' AND target = ?"));
    MR_TRY(members.bind_all(entity.name, old_name).run());
    if (entity.kind != "user") return {};
    auto keys = MR_TRY(connection.prepare("UPDATE iam_key SET user = ? WHERE user = ?"));
    return keys.bind_all(entity.name, old_name).run();
  });
}

Status Store::erase(const std::string& kind, const std::string& name) {
  return write([&](db::Connection& connection) -> Status {
    auto erase = MR_TRY(connection.prepare("DELETE FROM iam_entity WHERE kind = ? AND name = ?"));
    MR_TRY(erase.bind_all(kind, name).run());
    auto versions = MR_TRY(connection.prepare("DELETE FROM iam_link WHERE kind = 'version' AND owner = ?"));
    return kind == "policy" ? versions.bind_all(name).run() : Status();
  });
}

Result<std::optional<Entity>> Store::find(const std::string& kind, const std::string& name) {
  std::optional<Entity> found;
  MR_TRY(read([&](db::Connection& connection) -> Status {
    auto select = MR_TRY(connection.prepare(
        "SELECT kind, name, id, path, arn, created, data FROM iam_entity WHERE kind = ? AND name = ?"));
    select.bind_all(kind, name);
    if (MR_TRY(select.step())) found = MR_TRY(read_entity(select));
    return {};
  }));
  return found;
}

Result<std::optional<Entity>> Store::find_by_id(const std::string& id) {
  std::optional<Entity> found;
  MR_TRY(read([&](db::Connection& connection) -> Status {
    auto select =
        MR_TRY(connection.prepare("SELECT kind, name, id, path, arn, created, data FROM iam_entity WHERE id = ?"));
    select.bind_all(id);
    if (MR_TRY(select.step())) found = MR_TRY(read_entity(select));
    return {};
  }));
  return found;
}

Result<std::vector<Entity>> Store::list(const std::string& kind, const std::string& path_prefix) {
  std::vector<Entity> found;
  MR_TRY(read([&](db::Connection& connection) -> Status {
    auto select = MR_TRY(connection.prepare(
        "SELECT kind, name, id, path, arn, created, data FROM iam_entity WHERE kind = ? ORDER BY name"));
    select.bind_all(kind);
    while (MR_TRY(select.step())) {
      if (select.text(3).starts_with(path_prefix)) found.push_back(MR_TRY(read_entity(select)));
    }
    return {};
  }));
  return found;
}

Result<std::size_t> Store::count(const std::string& kind) {
  std::size_t count = 0;
  MR_TRY(read([&](db::Connection& connection) -> Status {
    auto select = MR_TRY(connection.prepare("SELECT COUNT(*) FROM iam_entity WHERE kind = ?"));
    select.bind_all(kind);
    if (MR_TRY(select.step())) count = static_cast<std::size_t>(select.integer(0));
    return {};
  }));
  return count;
}

Result<std::size_t> Store::count_links(const std::string& kind) {
  std::size_t count = 0;
  MR_TRY(read([&](db::Connection& connection) -> Status {
    auto select = MR_TRY(connection.prepare("SELECT COUNT(*) FROM iam_link WHERE kind = ?"));
    select.bind_all(kind);
    if (MR_TRY(select.step())) count = static_cast<std::size_t>(select.integer(0));
    return {};
  }));
  return count;
}

Result<std::map<std::string, std::size_t>> Store::count_by_target(const std::vector<std::string>& kinds) {
  std::map<std::string, std::size_t> counts;
  MR_TRY(read([&](db::Connection& connection) -> Status {
    for (const std::string& kind : kinds) {
      auto select = MR_TRY(connection.prepare("SELECT target, COUNT(*) FROM iam_link WHERE kind = ? GROUP BY target"));
      select.bind_all(kind);
      while (MR_TRY(select.step())) counts[to_lower(select.text(0))] += static_cast<std::size_t>(select.integer(1));
    }
    return {};
  }));
  return counts;
}

Status Store::link(const std::string& kind, const Link& link) {
  return write([&](db::Connection& connection) -> Status {
    auto insert = MR_TRY(connection.prepare(
        "INSERT INTO iam_link (kind, owner, target, data, at) VALUES (?, ?, ?, ?, ?) ON CONFLICT (kind, owner, target) "
        "DO UPDATE SET owner = excluded.owner, target = excluded.target, data = excluded.data, at = excluded.at"));
    return insert.bind_all(kind, link.owner, link.target, link.data, to_epoch_ms(link.at)).run();
  });
}

Status Store::unlink(const std::string& kind, const std::string& owner, const std::string& target, bool& was_there) {
  return write([&](db::Connection& connection) -> Status {
    auto erase = MR_TRY(connection.prepare("DELETE FROM iam_link WHERE kind = ? AND owner = ? AND target = ?"));
    MR_TRY(erase.bind_all(kind, owner, target).run());
    was_there = connection.changes() > 0;
    return {};
  });
}

Result<std::optional<Link>> Store::find_link(const std::string& kind, const std::string& owner,
                                             const std::string& target) {
  std::optional<Link> found;
  MR_TRY(read([&](db::Connection& connection) -> Status {
    auto select = MR_TRY(
        connection.prepare("SELECT owner, target, data, at FROM iam_link WHERE kind = ? AND owner = ? AND target = ?"));
    select.bind_all(kind, owner, target);
    if (MR_TRY(select.step())) found = read_link(select);
    return {};
  }));
  return found;
}

Result<std::vector<Link>> Store::links_of(const std::string& kind, const std::string& owner) {
  std::vector<Link> found;
  MR_TRY(read([&](db::Connection& connection) -> Status {
    auto select = MR_TRY(connection.prepare(
        "SELECT owner, target, data, at FROM iam_link WHERE kind = ? AND owner = ? ORDER BY target"));
    select.bind_all(kind, owner);
    while (MR_TRY(select.step())) found.push_back(read_link(select));
    return {};
  }));
  return found;
}

Result<std::vector<Link>> Store::links_to(const std::string& kind, const std::string& target) {
  std::vector<Link> found;
  MR_TRY(read([&](db::Connection& connection) -> Status {
    auto select = MR_TRY(connection.prepare(
        "SELECT owner, target, data, at FROM iam_link WHERE kind = ? AND target = ? ORDER BY owner"));
    select.bind_all(kind, target);
    while (MR_TRY(select.step())) found.push_back(read_link(select));
    return {};
  }));
  return found;
}

Status Store::insert_key(const Key& key) {
  return write([&](db::Connection& connection) -> Status {
    auto insert =
        MR_TRY(connection.prepare("INSERT INTO iam_key (id, user, secret, status, created) VALUES (?, ?, ?, ?, ?)"));
    return insert.bind_all(key.id, key.user)
        .bind_blob(key.sealed_secret)
        .bind_all(key.status, to_epoch_ms(key.created))
        .run();
  });
}

Status Store::update_key(const Key& key) {
  return write([&](db::Connection& connection) -> Status {
    auto update = MR_TRY(connection.prepare("UPDATE iam_key SET status = ? WHERE id = ?"));
    return update.bind_all(key.status, key.id).run();
  });
}

Status Store::erase_key(const std::string& id) {
  return write([&](db::Connection& connection) -> Status {
    auto erase = MR_TRY(connection.prepare("DELETE FROM iam_key WHERE id = ?"));
    return erase.bind_all(id).run();
  });
}

Result<std::optional<Key>> Store::find_key(const std::string& id) {
  std::optional<Key> found;
  MR_TRY(read([&](db::Connection& connection) -> Status {
    auto select = MR_TRY(connection.prepare(
        "SELECT id, user, secret, status, created, used, used_region, used_service FROM iam_key WHERE id = ?"));
    select.bind_all(id);
    if (MR_TRY(select.step())) found = read_key(select);
    return {};
  }));
  return found;
}

Result<std::vector<Key>> Store::keys_of(const std::string& user) {
  std::vector<Key> found;
  MR_TRY(read([&](db::Connection& connection) -> Status {
    auto select =
        MR_TRY(connection.prepare("SELECT id, user, secret, status, created, used, used_region, used_service FROM "
                                  "iam_key WHERE user = ? ORDER BY created, id"));
    select.bind_all(user);
    while (MR_TRY(select.step())) found.push_back(read_key(select));
    return {};
  }));
  return found;
}

void Store::note_use(const std::string& id, Time at, const std::string& region, const std::string& service) {
  // Nobody waits for it and nothing is decided by it: it rides along with the next commit.
  database_.write_async(
      [id, at, region, service](db::Connection& connection) -> Status {
        auto update =
            MR_TRY(connection.prepare("UPDATE iam_key SET used = ?, used_region = ?, used_service = ? WHERE id = ?"));
        return update.bind_all(to_epoch_ms(at), region, service, id).run();
      },
      [](const Status&) {});
}

void Store::note_role_use(const std::string& role_id, Time at, const std::string& region) {
  database_.write_async(
      [role_id, at, region](db::Connection& connection) -> Status {
        auto insert =
            MR_TRY(connection.prepare("INSERT INTO iam_role_use (id, used, region) VALUES (?, ?, ?) "
                                      "ON CONFLICT (id) DO UPDATE SET used = excluded.used, region = excluded.region"));
        return insert.bind_all(role_id, to_epoch_ms(at), region).run();
      },
      [](const Status&) {});
}

Result<std::optional<RoleUse>> Store::find_role_use(const std::string& role_id) {
  std::optional<RoleUse> found;
  MR_TRY(read([&](db::Connection& connection) -> Status {
    auto select = MR_TRY(connection.prepare("SELECT used, region FROM iam_role_use WHERE id = ?"));
    select.bind_all(role_id);
    if (MR_TRY(select.step())) found = RoleUse{from_epoch_ms(select.integer(0)), select.text(1)};
    return {};
  }));
  return found;
}

Status Store::insert_session(const Session& session, Time now) {
  return write([&](db::Connection& connection) -> Status {
    auto expired = MR_TRY(connection.prepare("DELETE FROM iam_session WHERE expires < ?"));
    // Kept for a day longer, so that an expired token can be told from one that never was.
    MR_TRY(expired.bind_all(to_epoch_ms(now - std::chrono::hours(24))).run());
    auto insert = MR_TRY(connection.prepare("INSERT INTO iam_session (id, sealed, expires) VALUES (?, ?, ?)"));
    return insert.bind_all(session.id).bind_blob(session.sealed).bind_all(to_epoch_ms(session.expires)).run();
  });
}

Result<std::optional<Session>> Store::find_session(const std::string& id) {
  std::optional<Session> found;
  MR_TRY(read([&](db::Connection& connection) -> Status {
    auto select = MR_TRY(connection.prepare("SELECT id, sealed, expires FROM iam_session WHERE id = ?"));
    select.bind_all(id);
    if (MR_TRY(select.step())) found = Session{select.text(0), select.text(1), from_epoch_ms(select.integer(2))};
    return {};
  }));
  return found;
}

}  // namespace millrace::iam
