#include "kube/store.h"

#include <fmt/core.h>

#include "base/hash.h"
#include "base/json.h"

namespace millrace::kube {
namespace {

constexpr db::Migration kMigrations[] = {
    {1, R"sql(
      CREATE TABLE kube_object (
        plural TEXT NOT NULL, namespace TEXT NOT NULL, name TEXT NOT NULL, version INTEGER NOT NULL, sealed BLOB NOT NULL,
        PRIMARY KEY (plural, namespace, name)) STRICT;
      CREATE TABLE kube_version (latest INTEGER NOT NULL, last_delete INTEGER NOT NULL) STRICT;
      INSERT INTO kube_version VALUES (1, 0);
    )sql"},
};

std::string context_of(const ObjectName& name) {
  return fmt::format("kube/{}/{}/{}", name.plural, name.name_space, name.name);
}

}  // namespace

Status Store::open() { return database_.migrate("kube", kMigrations); }

Result<Value> Store::open_sealed(const ObjectName& name, const std::string& sealed, std::int64_t version) {
  std::string text;
  if (!unseal(key_, sealed, context_of(name), text)) {
    return fail(Code::data_loss,
                fmt::format("{} \"{}\" cannot be decrypted with this server's key", name.plural, name.name));
  }
  Value object = MR_TRY(parse_json(text));
  object.child("metadata").set("resourceVersion", std::to_string(version));
  return object;
}

std::string Store::seal_object(const ObjectName& name, Value object) {
  object.child("metadata").erase("resourceVersion");
  return seal(key_, to_json(object), context_of(name));
}

Result<Store::Versions> Store::versions() {
  Versions versions;
  MR_TRY(database_.read([&](db::Connection& connection) -> Status {
    auto select = MR_TRY(connection.prepare("SELECT latest, last_delete FROM kube_version"));
    MR_TRY(select.step());
    versions = {select.integer(0), select.integer(1)};
    return {};
  }));
  return versions;
}

Result<std::int64_t> Store::next_version(db::Connection& connection, bool deletes) {
  MR_TRY(connection.execute("UPDATE kube_version SET latest = latest + 1"));
  if (deletes) MR_TRY(connection.execute("UPDATE kube_version SET last_delete = latest"));
  auto select = MR_TRY(connection.prepare("SELECT latest FROM kube_version"));
  MR_TRY(select.step());
  return select.integer(0);
}

Result<std::vector<Value>> Store::list(const std::string& plural, const std::string& name_space) {
  std::vector<Value> objects;
  MR_TRY(database_.read([&](db::Connection& connection) -> Status {
    auto select = MR_TRY(connection.prepare(
        "SELECT namespace, name, version, sealed FROM kube_object WHERE plural = ?1 AND (?2 = '' OR namespace = ?2) "
        "ORDER BY namespace, name"));
    select.bind(std::string_view(plural)).bind(std::string_view(name_space));
    while (MR_TRY(select.step())) {
      objects.push_back(
          MR_TRY(open_sealed({plural, select.text(0), select.text(1)}, select.text(3), select.integer(2))));
    }
    return {};
  }));
  return objects;
}

Result<Value> Store::read(db::Connection& connection, const ObjectName& name) {
  auto select = MR_TRY(
      connection.prepare("SELECT version, sealed FROM kube_object WHERE plural = ? AND namespace = ? AND name = ?"));
  select.bind(std::string_view(name.plural)).bind(std::string_view(name.name_space)).bind(std::string_view(name.name));
  if (!MR_TRY(select.step())) return fail(Code::not_found, fmt::format("{} \"{}\" not found", name.plural, name.name));
  return open_sealed(name, select.text(1), select.integer(0));
}

Result<Value> Store::get(const ObjectName& name) {
  Value object;
  MR_TRY(database_.read([&](db::Connection& connection) -> Status {
    object = MR_TRY(read(connection, name));
    return {};
  }));
  return object;
}

Result<Value> Store::insert(const ObjectName& name, const Value& object) {
  Value stored = object;
  const auto status = database_.write([&](db::Connection& connection) -> Status {
    const auto version = MR_TRY(next_version(connection, false));
    stored.child("metadata").set("resourceVersion", std::to_string(version));
    auto insert = MR_TRY(connection.prepare(
        "INSERT INTO kube_object (plural, namespace, name, version, sealed) VALUES (?, ?, ?, ?, ?)"));
    return insert.bind(std::string_view(name.plural))
        .bind(std::string_view(name.name_space))
        .bind(std::string_view(name.name))
        .bind(version)
        .bind_blob(seal_object(name, stored))
        .run();
  });
  if (!status && status.error().code == Code::already_exists) {
    return fail(Code::already_exists, fmt::format("{} \"{}\" already exists", name.plural, name.name));
  }
  MR_TRY(status);
  return stored;
}

Result<Value> Store::update(const ObjectName& name, const Change& change, bool dry_run) {
  Value stored;
  const db::Database::Work work = [&](db::Connection& connection) -> Status {
    const Value present = MR_TRY(read(connection, name));
    stored = MR_TRY(change(present));
    const std::string present_version = present.at("metadata").at("resourceVersion").string_or();
    stored.child("metadata").set("resourceVersion", present_version);
    if (dry_run || stored == present) return {};
    const auto version = MR_TRY(next_version(connection, false));
    stored.child("metadata").set("resourceVersion", std::to_string(version));
    auto update = MR_TRY(connection.prepare(
        "UPDATE kube_object SET version = ?, sealed = ? WHERE plural = ? AND namespace = ? AND name = ?"));
    return update.bind(version)
        .bind_blob(seal_object(name, stored))
        .bind(std::string_view(name.plural))
        .bind(std::string_view(name.name_space))
        .bind(std::string_view(name.name))
        .run();
  };
  MR_TRY(database_.write(work));
  return stored;
}

Result<Value> Store::erase(const ObjectName& name, const Change& check, bool dry_run) {
  Value present;
  const db::Database::Work work = [&](db::Connection& connection) -> Status {
    present = MR_TRY(read(connection, name));
    MR_TRY(check(present));
    if (dry_run) return {};
    MR_TRY(next_version(connection, true));
    auto erase = MR_TRY(connection.prepare("DELETE FROM kube_object WHERE plural = ? AND namespace = ? AND name = ?"));
    return erase.bind(std::string_view(name.plural))
        .bind(std::string_view(name.name_space))
        .bind(std::string_view(name.name))
        .run();
  };
  MR_TRY(database_.write(work));
  return present;
}

Status Store::erase_namespace(const std::string& name_space) {
  return database_.write([&](db::Connection& connection) -> Status {
    MR_TRY(next_version(connection, true));
    auto erase = MR_TRY(connection.prepare("DELETE FROM kube_object WHERE namespace = ?"));
    return erase.bind(std::string_view(name_space)).run();
  });
}

}  // namespace millrace::kube
