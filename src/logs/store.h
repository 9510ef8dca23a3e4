#pragma once
// Groups, streams and events as rows. Names and errors are CloudWatch Logs' own; no wire shapes here.

#include <compare>
#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "base/value.h"
#include "db/database.h"
#include "logs/logs.h"

namespace millrace::logs {

struct Group {
  std::string name;
  Time created{};
  std::optional<int> retention_days;
  std::int64_t stored_bytes = 0;
};

struct Stream {
  std::string name;
  Time created{};
  std::optional<Time> first_event, last_event, last_ingestion;
};

// Where an event stands in its stream: by its time, then by its arrival. {0, 0} is before the first one.
struct Position {
  std::int64_t at = 0;
  std::int64_t sequence = 0;
  friend auto operator<=>(const Position&, const Position&) = default;
};
// Behind all events of earlier milliseconds. A read begins behind one position, not also at a time: with two lower
// bounds SQLite looks for the time alone and steps over all events of it, and a log of a million may have three times.
inline Position before_millisecond(std::int64_t at) { return {at - 1, std::numeric_limits<std::int64_t>::max()}; }

struct StoredEvent {
  Position position;
  Time ingested{};
  std::string message;
  std::string stream;          // filter() only
  std::int64_t stream_id = 0;  // filter() only
};

struct Range {                           // of event times
  std::optional<std::int64_t> start_ms;  // included
  std::optional<std::int64_t> end_ms;    // excluded
};

enum class Direction { forward, backward };

class Store {
 public:
  Store(db::Database& database, const Clock& clock) : database_(database), clock_(clock) {}
  Status open();
  Time now() const { return clock_.now(); }

  // `tags`: an object of texts, at most kMostTags. ResourceAlreadyExistsException.
  Status create_group(const std::string& name, const Value& tags = Value());
  Status delete_group(const std::string& name);  // ResourceNotFoundException, as below
  Status set_retention(const std::string& name, std::optional<int> days);
  // Up to `limit`, by name, after `after`; `prefix` and `part` (anywhere in the name) may be empty.
  Result<std::vector<Group>> groups(std::string_view prefix, std::string_view part, std::string_view after,
                                    std::size_t limit);
  Result<Group> group(const std::string& name);

  using Tags = std::vector<std::pair<std::string, std::string>>;
  Result<Tags> tags(const std::string& group);  // by key
  // Those that are there already get the new value. resource_exhausted for more than `most`, of which none is kept.
  Status add_tags(const std::string& group, const Value& tags, std::size_t most);
  Status remove_tags(const std::string& group, const std::vector<std::string>& keys);  // absent ones are success

  Status create_stream(const std::string& group, const std::string& stream);
  Status delete_stream(const std::string& group, const std::string& stream);
  struct StreamOrder {
    bool by_last_event = false;
    bool descending = false;
  };
  Result<std::vector<Stream>> streams(const std::string& group, std::string_view prefix, StreamOrder order,
                                      std::size_t offset, std::size_t limit);

  // Durable when it returns. With `make` the group and the stream are made when absent.
  Status append(const std::string& group, const std::string& stream, const std::vector<Event>& events, bool make);
  // In order of arrival, for callers that follow a stream.
  Result<std::vector<Event>> arrivals(const std::string& group, const std::string& stream, std::size_t skip,
                                      std::size_t limit);
  // Beyond `from` in that direction (nullopt: from the end that the direction leaves), always oldest first. Ends after
  // `limit` events or `max_bytes` of messages.
  Result<std::vector<StoredEvent>> events(const std::string& group, const std::string& stream, const Range& range,
                                          Direction direction, std::optional<Position> from, std::size_t limit,
                                          std::size_t max_bytes);

  struct Filter {
    std::vector<std::string> streams;  // empty: all of the prefix
    std::string stream_prefix;
    Range range;
    std::function<bool(std::string_view)> matches;
    std::size_t limit = 10'000;  // events found
    // Events looked at in one call, about two seconds' work. A client that does not ask for the next page is to find
    // what is in a stream of a million events.
    std::size_t scan = 2'000'000;
    std::size_t max_bytes = 1 << 20;
  };
  struct Cursor {
    Position position;
    std::int64_t stream_id = 0;
  };
  struct Found {
    std::vector<StoredEvent> events;
    std::optional<Cursor> next;  // there may be more
  };
  // Over the streams of a group, by time.
  Result<Found> filter(const std::string& group, const Filter& filter, std::optional<Cursor> after);

 private:
  std::int64_t oldest_kept(std::optional<int> retention_days) const;

  db::Database& database_;
  const Clock& clock_;
};

}  // namespace millrace::logs
