#include "kube/store.h"

#include <fmt/core.h>

#include "base/hash.h"
#include "base/json.h"
#include "kube/refusal.h"

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

constexpr std::string_view kTerminating = "Terminating";
constexpr const char* kNamespaces = "namespaces";

std::string context_of(const ObjectName& name) {
  return fmt::format("kube/{}/{}/{}", name.resource, name.name_space, name.name);
}

db::Statement& bind(db::Statement& statement, const ObjectName& name) {
  return statement.bind(std::string_view(name.resource))
      .bind(std::string_view(name.name_space))
      .bind(std::string_view(name.name));
}

bool waits_for_deletion(const Value& object) { return object.at("metadata").has("deletionTimestamp"); }
// A namespace that is being ended waits for what is in it.
bool has_finalizers(const Value& object) {
  return !object.at("metadata").at("finalizers").empty() || object.at("status").at("phase").string_or() == kTerminating;
}

}  // namespace

Status Store::open() {
  MR_TRY(database_.migrate("kube", kMigrations));
  history_.start(MR_TRY(version()));
  return {};
}

Result<Value> Store::open_sealed(const ObjectName& name, const std::string& sealed, std::int64_t version) {
  std::string text;
  if (!unseal(key_, sealed, context_of(name), text)) {
    return fail(Code::data_loss,
                fmt::format("{} \"{}\" cannot be decrypted with this server's key", name.resource, name.name));
  }
  Value object = MR_TRY(parse_json(text));
  object.child("metadata").set("resourceVersion", std::to_string(version));
  return object;
}

std::string Store::seal_object(const ObjectName& name, Value object) {
  object.child("metadata").erase("resourceVersion");
  return seal(key_, to_json(object), context_of(name));
}

Result<std::int64_t> Store::version() {
  std::int64_t version = 0;
  MR_TRY(database_.read([&](db::Connection& connection) -> Status {
    auto select = MR_TRY(connection.prepare("SELECT latest FROM kube_version"));
    MR_TRY(select.step());
    version = select.integer(0);
    return {};
  }));
  return version;
}

Result<std::int64_t> Store::next_version(db::Connection& connection) {
  MR_TRY(connection.execute("UPDATE kube_version SET latest = latest + 1"));
  auto select = MR_TRY(connection.prepare("SELECT latest FROM kube_version"));
  MR_TRY(select.step());
  return select.integer(0);
}

Status Store::write(const std::function<Status(db::Connection&, std::vector<Written>&)>& work) {
  std::vector<Written> written;
  MR_TRY(database_.write([&](db::Connection& connection) {
    written.clear();
    return work(connection, written);
  }));
  for (Written& each : written) history_.add(std::move(each.change), each.bytes);
  return {};
}

Result<Snapshot> Store::list(const std::string& resource, const std::string& name_space) {
  Snapshot snapshot;
  MR_TRY(database_.read([&](db::Connection& connection) -> Status {
    auto latest = MR_TRY(connection.prepare("SELECT latest FROM kube_version"));
    MR_TRY(latest.step());
    snapshot.version = latest.integer(0);
    auto select = MR_TRY(connection.prepare(
        "SELECT namespace, name, version, sealed FROM kube_object WHERE plural = ?1 AND (?2 = '' OR namespace = ?2) "
        "ORDER BY namespace, name"));
    select.bind(std::string_view(resource)).bind(std::string_view(name_space));
    while (MR_TRY(select.step())) {
      snapshot.objects.push_back(
          MR_TRY(open_sealed({resource, select.text(0), select.text(1)}, select.text(3), select.integer(2))));
    }
    return {};
  }));
  return snapshot;
}

Result<Value> Store::read(db::Connection& connection, const ObjectName& name) {
  auto select = MR_TRY(
      connection.prepare("SELECT version, sealed FROM kube_object WHERE plural = ? AND namespace = ? AND name = ?"));
  bind(select, name);
  if (!MR_TRY(select.step())) return fail(not_found(name.resource, name.name));
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

// Stores `object`, a new one where `present` is null, under the next version.
Status Store::put(db::Connection& connection, const ObjectName& name, const Value& present, Value& object,
                  std::vector<Written>& written) {
  const auto version = MR_TRY(next_version(connection));
  object.child("metadata").set("resourceVersion", std::to_string(version));
  const std::string sealed = seal_object(name, object);
  auto statement = MR_TRY(connection.prepare(
      present.is_null()
          ? "INSERT INTO kube_object (version, sealed, plural, namespace, name) VALUES (?, ?, ?, ?, ?)"
          : "UPDATE kube_object SET version = ?, sealed = ? WHERE plural = ? AND namespace = ? AND name = ?"));
  statement.bind(version).bind_blob(sealed);
  MR_TRY(bind(statement, name).run());
  written.push_back({{version, name.resource, name.name_space, object, present}, sealed.size() * 2});
  return {};
}

Status Store::remove(db::Connection& connection, const ObjectName& name, const Value& present,
                     std::vector<Written>& written) {
  const auto version = MR_TRY(next_version(connection));
  auto statement =
      MR_TRY(connection.prepare("DELETE FROM kube_object WHERE plural = ? AND namespace = ? AND name = ?"));
  MR_TRY(bind(statement, name).run());
  Value last = present;
  last.child("metadata").set("resourceVersion", std::to_string(version));
  const std::size_t bytes = to_json(last).size();
  written.push_back({{version, name.resource, name.name_space, Value(), std::move(last)}, bytes});
  return name.name_space.empty() ? Status() : end_if_empty(connection, name.name_space, written);
}

Result<Value> Store::insert(const ObjectName& name, const Value& object) {
  Value stored = object;
  const auto status = write([&](db::Connection& connection, std::vector<Written>& written) {
    return put(connection, name, Value(), stored, written);
  });
  if (!status && status.error().code == Code::already_exists) return fail(already_exists(name.resource, name.name));
  MR_TRY(status);
  return stored;
}

Result<Value> Store::update(const ObjectName& name, const Change& change, bool dry_run) {
  Value stored;
  MR_TRY(write([&](db::Connection& connection, std::vector<Written>& written) -> Status {
    const Value present = MR_TRY(read(connection, name));
    stored = MR_TRY(change(present));
    stored.child("metadata").set("resourceVersion", present.at("metadata").at("resourceVersion"));
    if (dry_run || stored == present) return {};
    if (waits_for_deletion(stored) && !has_finalizers(stored)) return remove(connection, name, stored, written);
    return put(connection, name, present, stored, written);
  }));
  return stored;
}

Result<Store::Erased> Store::erase(const ObjectName& name, const Change& check, bool dry_run) {
  Erased erased;
  MR_TRY(write([&](db::Connection& connection, std::vector<Written>& written) -> Status {
    const Value present = MR_TRY(read(connection, name));
    erased.object = MR_TRY(check(present));
    erased.gone = !has_finalizers(erased.object);
    if (dry_run) return {};
    if (erased.gone) return remove(connection, name, present, written);
    return erased.object == present ? Status() : put(connection, name, present, erased.object, written);
  }));
  return erased;
}

// A namespace that waits for what was in it.
Status Store::end_if_empty(db::Connection& connection, const std::string& name_space, std::vector<Written>& written) {
  auto select = MR_TRY(connection.prepare("SELECT 1 FROM kube_object WHERE namespace = ? LIMIT 1"));
  if (MR_TRY(select.bind(std::string_view(name_space)).step())) return {};
  const ObjectName name{kNamespaces, "", name_space};
  const auto present = read(connection, name);
  if (!present) return present.error().code == Code::not_found ? Status() : fail(present.error());
  return waits_for_deletion(*present) ? remove(connection, name, *present, written) : Status();
}

Result<Store::Erased> Store::erase_namespace(const ObjectName& name, const Change& check, const std::string& now) {
  Erased erased;
  MR_TRY(write([&](db::Connection& connection, std::vector<Written>& written) -> Status {
    const Value present = MR_TRY(read(connection, name));
    erased = {MR_TRY(check(present)), false};
    if (waits_for_deletion(present)) return {};
    std::vector<ObjectName> names;
    {
      auto select = MR_TRY(connection.prepare("SELECT plural, name FROM kube_object WHERE namespace = ?"));
      select.bind(std::string_view(name.name));
      while (MR_TRY(select.step())) names.push_back({select.text(0), name.name, select.text(1)});
    }
    erased.gone = true;
    for (const ObjectName& inner : names) {
      const Value object = MR_TRY(read(connection, inner));
      if (!has_finalizers(object)) {
        MR_TRY(remove(connection, inner, object, written));
        continue;
      }
      erased.gone = false;
      if (waits_for_deletion(object)) continue;
      Value waiting = object;
      waiting.child("metadata").set("deletionTimestamp", now).set("deletionGracePeriodSeconds", 0);
      MR_TRY(put(connection, inner, object, waiting, written));
    }
    if (erased.gone) return remove(connection, name, present, written);
    return put(connection, name, present, erased.object, written);
  }));
  return erased;
}

}  // namespace millrace::kube
