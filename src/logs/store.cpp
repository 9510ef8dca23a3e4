#include "logs/store.h"

#include <algorithm>
#include <limits>

#include <fmt/core.h>

namespace millrace::logs {
namespace {

constexpr db::Migration kMigrations[] = {
    {1, R"(
CREATE TABLE log_group (
  id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, created INTEGER NOT NULL, retention_days INTEGER,
  stored_bytes INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE TABLE log_stream (
  id INTEGER PRIMARY KEY, group_id INTEGER NOT NULL REFERENCES log_group(id) ON DELETE CASCADE, name TEXT NOT NULL,
  created INTEGER NOT NULL, first_event INTEGER, last_event INTEGER, last_ingestion INTEGER,
  events INTEGER NOT NULL DEFAULT 0, UNIQUE (group_id, name)
) STRICT;
CREATE TABLE log_event (
  stream_id INTEGER NOT NULL REFERENCES log_stream(id) ON DELETE CASCADE, sequence INTEGER NOT NULL,
  at INTEGER NOT NULL, ingested INTEGER NOT NULL, message TEXT NOT NULL, PRIMARY KEY (stream_id, sequence)
) STRICT, WITHOUT ROWID;
CREATE INDEX log_event_by_time ON log_event (stream_id, at, sequence);
)"},
    {2, R"(
CREATE TABLE log_tag (
  group_id INTEGER NOT NULL REFERENCES log_group(id) ON DELETE CASCADE, key TEXT NOT NULL, value TEXT NOT NULL,
  PRIMARY KEY (group_id, key)
) STRICT, WITHOUT ROWID;
)"},
};

constexpr std::int64_t kDayMs = 24LL * 3'600 * 1'000;
constexpr std::int64_t kBytesPerEvent = 26;  // what AWS adds to each message's size

tl::unexpected<Error> missing_group() {
  return fail(Code::not_found, "The specified log group does not exist.", "ResourceNotFoundException");
}
tl::unexpected<Error> missing_stream() {
  return fail(Code::not_found, "The specified log stream does not exist.", "ResourceNotFoundException");
}

struct GroupRow {
  std::int64_t id = 0;
  std::optional<int> retention_days;
};

Result<GroupRow> find_group(db::Connection& c, const std::string& name) {
  auto select = MR_TRY(c.prepare("SELECT id, retention_days FROM log_group WHERE name = ?"));
  if (!MR_TRY(select.bind_all(name).step())) return missing_group();
  const auto [id, retention_days] = select.columns<std::int64_t, std::optional<int>>();
  return GroupRow{id, retention_days};
}

struct StreamRow {
  std::int64_t id = 0;
  std::int64_t events = 0;
};

Result<StreamRow> find_stream(db::Connection& c, std::int64_t group, const std::string& name) {
  auto select = MR_TRY(c.prepare("SELECT id, events FROM log_stream WHERE group_id = ? AND name = ?"));
  if (!MR_TRY(select.bind_all(group, name).step())) return missing_stream();
  const auto [id, events] = select.columns<std::int64_t, std::int64_t>();
  return StreamRow{id, events};
}

Status insert_group(db::Connection& c, const std::string& name, Time now) {
  return MR_TRY(c.prepare("INSERT INTO log_group (name, created) VALUES (?, ?)"))
      .bind_all(name, to_epoch_ms(now))
      .run();
}

Status insert_stream(db::Connection& c, std::int64_t group, const std::string& name, Time now) {
  return MR_TRY(c.prepare("INSERT INTO log_stream (group_id, name, created) VALUES (?, ?, ?)"))
      .bind_all(group, name, to_epoch_ms(now))
      .run();
}

Status put_tags(db::Connection& c, std::int64_t group, const Value& tags) {
  for (const auto& [key, value] : tags.members()) {
    auto put =
        MR_TRY(c.prepare("INSERT INTO log_tag (group_id, key, value) VALUES (?, ?, ?) "
                         "ON CONFLICT (group_id, key) DO UPDATE SET value = excluded.value"));
    MR_TRY(put.bind_all(group, key, value.string_or()).run());
  }
  return {};
}

Group group_of(const db::Statement& row) {
  auto [name, created, retention_days, stored_bytes] =
      row.columns<std::string, std::int64_t, std::optional<int>, std::int64_t>();
  return {std::move(name), from_epoch_ms(created), retention_days, stored_bytes};
}

// A full disk is the server's trouble, not a request that was too large.
Status storage_status(Status status) {
  if (status || status.error().code != Code::resource_exhausted) return status;
  return fail(Code::unavailable, std::move(status).error().message, "ServiceUnavailableException");
}

std::optional<Time> optional_time(std::optional<std::int64_t> at) {
  return at ? std::optional(from_epoch_ms(*at)) : std::nullopt;
}

}  // namespace

Status Store::open() { return database_.migrate("logs", kMigrations); }

std::int64_t Store::oldest_kept(std::optional<int> retention_days) const {
  if (!retention_days) return std::numeric_limits<std::int64_t>::min();
  return to_epoch_ms(clock_.now()) - *retention_days * kDayMs;
}

Status Store::create_group(const std::string& name, const Value& tags) {
  auto status = database_.write([&](db::Connection& c) -> Status {
    MR_TRY(insert_group(c, name, clock_.now()));
    return tags.empty() ? Status() : put_tags(c, MR_TRY(find_group(c, name)).id, tags);
  });
  if (!status && status.error().code == Code::already_exists) {
    return fail(Code::already_exists, "The specified log group already exists", "ResourceAlreadyExistsException");
  }
  return status;
}

Status Store::delete_group(const std::string& name) {
  return database_.write([&](db::Connection& c) -> Status {
    MR_TRY(MR_TRY(c.prepare("DELETE FROM log_group WHERE name = ?")).bind_all(name).run());
    return c.changes() == 0 ? Status(missing_group()) : Status();
  });
}

Status Store::set_retention(const std::string& name, std::optional<int> days) {
  return database_.write([&](db::Connection& c) -> Status {
    auto update = MR_TRY(c.prepare("UPDATE log_group SET retention_days = ? WHERE name = ?"));
    MR_TRY(update.bind_all(days, name).run());
    return c.changes() == 0 ? Status(missing_group()) : Status();
  });
}

Result<std::vector<Group>> Store::groups(std::string_view prefix, std::string_view part, std::string_view after,
                                         std::size_t limit) {
  std::vector<Group> found;
  MR_TRY(database_.read([&](db::Connection& c) -> Status {
    auto select =
        MR_TRY(c.prepare("SELECT name, created, retention_days, stored_bytes FROM log_group "
                         "WHERE name > ? AND name >= ? ORDER BY name"));
    select.bind_all(after, prefix);
    while (found.size() < limit && MR_TRY(select.step())) {
      Group group = group_of(select);
      if (!group.name.starts_with(prefix)) break;
      if (group.name.find(part) != std::string::npos) found.push_back(std::move(group));
    }
    return {};
  }));
  return found;
}

Result<Group> Store::group(const std::string& name) {
  Group found;
  MR_TRY(database_.read([&](db::Connection& c) -> Status {
    auto select = MR_TRY(c.prepare("SELECT name, created, retention_days, stored_bytes FROM log_group WHERE name = ?"));
    if (!MR_TRY(select.bind_all(name).step())) return missing_group();
    found = group_of(select);
    return {};
  }));
  return found;
}

Result<Store::Tags> Store::tags(const std::string& group) {
  Tags found;
  MR_TRY(database_.read([&](db::Connection& c) -> Status {
    auto select = MR_TRY(c.prepare("SELECT key, value FROM log_tag WHERE group_id = ? ORDER BY key"));
    select.bind_all(MR_TRY(find_group(c, group)).id);
    while (MR_TRY(select.step())) {
      auto [key, value] = select.columns<std::string, std::string>();
      found.emplace_back(std::move(key), std::move(value));
    }
    return {};
  }));
  return found;
}

Status Store::add_tags(const std::string& group, const Value& tags, std::size_t most) {
  return database_.write([&](db::Connection& c) -> Status {
    const auto row = MR_TRY(find_group(c, group));
    MR_TRY(put_tags(c, row.id, tags));
    auto count = MR_TRY(c.prepare("SELECT count(*) FROM log_tag WHERE group_id = ?"));
    MR_TRY(count.bind_all(row.id).step());
    if (static_cast<std::size_t>(count.integer(0)) <= most) return {};
    return fail(Code::resource_exhausted, fmt::format("A resource can have no more than {} tags.", most));
  });
}

Status Store::remove_tags(const std::string& group, const std::vector<std::string>& keys) {
  return database_.write([&](db::Connection& c) -> Status {
    const auto row = MR_TRY(find_group(c, group));
    for (const std::string& key : keys)
      MR_TRY(MR_TRY(c.prepare("DELETE FROM log_tag WHERE group_id = ? AND key = ?")).bind_all(row.id, key).run());
    return {};
  });
}

Status Store::create_stream(const std::string& group, const std::string& stream) {
  auto status = database_.write([&](db::Connection& c) -> Status {
    return insert_stream(c, MR_TRY(find_group(c, group)).id, stream, clock_.now());
  });
  if (!status && status.error().code == Code::already_exists) {
    return fail(Code::already_exists, "The specified log stream already exists", "ResourceAlreadyExistsException");
  }
  return status;
}

Status Store::delete_stream(const std::string& group, const std::string& stream) {
  return database_.write([&](db::Connection& c) -> Status {
    const auto row = MR_TRY(find_stream(c, MR_TRY(find_group(c, group)).id, stream));
    return MR_TRY(c.prepare("DELETE FROM log_stream WHERE id = ?")).bind_all(row.id).run();
  });
}

Result<std::vector<Stream>> Store::streams(const std::string& group, std::string_view prefix, StreamOrder order,
                                           std::size_t offset, std::size_t limit) {
  std::vector<Stream> found;
  MR_TRY(database_.read([&](db::Connection& c) -> Status {
    const auto row = MR_TRY(find_group(c, group));
    auto select = MR_TRY(c.prepare(
        fmt::format("SELECT name, created, first_event, last_event, last_ingestion FROM log_stream "
                    "WHERE group_id = ? AND name >= ? AND substr(name, 1, ?) = ? ORDER BY {}name {} LIMIT ? OFFSET ?",
                    order.by_last_event ? (order.descending ? "last_event DESC, " : "last_event, ") : "",
                    order.descending ? "DESC" : "")));
    // substr counts characters.
    const auto characters = std::count_if(prefix.begin(), prefix.end(), [](char ch) { return (ch & 0xc0) != 0x80; });
    select.bind_all(row.id, prefix, characters, prefix);
    select.bind_all(limit, offset);
    while (MR_TRY(select.step())) {
      auto [name, created, first, last, ingestion] =
          select.columns<std::string, std::int64_t, std::optional<std::int64_t>, std::optional<std::int64_t>,
                         std::optional<std::int64_t>>();
      found.push_back({std::move(name), from_epoch_ms(created), optional_time(first), optional_time(last),
                       optional_time(ingestion)});
    }
    return {};
  }));
  return found;
}

Status Store::append(const std::string& group, const std::string& stream, const std::vector<Event>& events, bool make) {
  return storage_status(database_.write([&](db::Connection& c) -> Status {
    const Time now = clock_.now();
    auto group_row = find_group(c, group);
    if (!group_row && group_row.error().code == Code::not_found && make) {
      MR_TRY(insert_group(c, group, now));
      group_row = find_group(c, group);
    }
    if (!group_row) return fail(group_row.error());
    auto stream_row = find_stream(c, group_row->id, stream);
    if (!stream_row && stream_row.error().code == Code::not_found && make) {
      MR_TRY(insert_stream(c, group_row->id, stream, now));
      stream_row = find_stream(c, group_row->id, stream);
    }
    if (!stream_row) return fail(stream_row.error());
    if (events.empty()) return {};

    std::int64_t bytes = 0, first = std::numeric_limits<std::int64_t>::max(), last = 0;
    std::int64_t sequence = stream_row->events;
    auto insert =
        MR_TRY(c.prepare("INSERT INTO log_event (stream_id, sequence, at, ingested, message) VALUES (?, ?, ?, ?, ?)"));
    for (const Event& event : events) {
      const std::int64_t at = to_epoch_ms(event.at);
      MR_TRY(insert.bind_all(stream_row->id, ++sequence, at, to_epoch_ms(now), event.message).run());
      first = std::min(first, at);
      last = std::max(last, at);
      bytes += static_cast<std::int64_t>(event.message.size()) + kBytesPerEvent;
    }
    auto update =
        MR_TRY(c.prepare("UPDATE log_stream SET events = ?, "
                         "first_event = CASE WHEN first_event < ? THEN first_event ELSE ? END, "
                         "last_event = CASE WHEN last_event > ? THEN last_event ELSE ? END, "
                         "last_ingestion = ? WHERE id = ?"));
    MR_TRY(update.bind_all(sequence, first, first, last, last, to_epoch_ms(now), stream_row->id).run());
    MR_TRY(MR_TRY(c.prepare("UPDATE log_group SET stored_bytes = stored_bytes + ? WHERE id = ?"))
               .bind_all(bytes, group_row->id)
               .run());
    if (!group_row->retention_days) return {};
    return MR_TRY(c.prepare("DELETE FROM log_event WHERE stream_id = ? AND at < ?"))
        .bind_all(stream_row->id, oldest_kept(group_row->retention_days))
        .run();
  }));
}

Result<std::vector<Event>> Store::arrivals(const std::string& group, const std::string& stream, std::size_t skip,
                                           std::size_t limit) {
  std::vector<Event> found;
  MR_TRY(database_.read([&](db::Connection& c) -> Status {
    const auto row = MR_TRY(find_stream(c, MR_TRY(find_group(c, group)).id, stream));
    auto select = MR_TRY(
        c.prepare("SELECT at, message FROM log_event WHERE stream_id = ? AND sequence > ? ORDER BY sequence LIMIT ?"));
    select.bind_all(row.id, skip, limit);
    while (MR_TRY(select.step())) found.push_back({from_epoch_ms(select.integer(0)), select.text(1)});
    return {};
  }));
  return found;
}

Result<std::vector<StoredEvent>> Store::events(const std::string& group, const std::string& stream, const Range& range,
                                               Direction direction, std::optional<Position> from, std::size_t limit,
                                               std::size_t max_bytes) {
  const bool forward = direction == Direction::forward;
  std::vector<StoredEvent> found;
  MR_TRY(database_.read([&](db::Connection& c) -> Status {
    const auto group_row = MR_TRY(find_group(c, group));
    const auto row = MR_TRY(find_stream(c, group_row.id, stream));
    auto select = MR_TRY(c.prepare(
        forward
            ? "SELECT at, sequence, ingested, message FROM log_event WHERE stream_id = ? AND (at, sequence) > (?, ?) "
              "AND at < ? ORDER BY at, sequence LIMIT ?"
            : "SELECT at, sequence, ingested, message FROM log_event WHERE stream_id = ? AND (at, sequence) < (?, ?) "
              "AND at >= ? ORDER BY at DESC, sequence DESC LIMIT ?"));
    const std::int64_t first = std::max(range.start_ms.value_or(0), oldest_kept(group_row.retention_days));
    const std::int64_t end = range.end_ms.value_or(std::numeric_limits<std::int64_t>::max());
    const Position begin = forward ? std::max(from.value_or(Position{-1, 0}), before_millisecond(first))
                                   : std::min(from.value_or(Position{end, -1}), Position{end, -1});
    select.bind_all(row.id, begin.at, begin.sequence, forward ? end : first, limit);
    std::size_t bytes = 0;
    while (MR_TRY(select.step())) {
      StoredEvent event{
          {select.integer(0), select.integer(1)}, from_epoch_ms(select.integer(2)), select.text(3), {}, 0};
      bytes += event.message.size() + kBytesPerEvent;
      if (bytes > max_bytes && !found.empty()) break;
      found.push_back(std::move(event));
    }
    return {};
  }));
  if (!forward) std::reverse(found.begin(), found.end());
  return found;
}

}  // namespace millrace::logs
