#pragma once
// Values to and from the columns of rows.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/json.h"
#include "base/time.h"
#include "db/database.h"

namespace millrace::pipelines::runner {

// Binds values in order: bind_all(row, run.id, 3, text).
template <class... Values>
db::Statement& bind_all(db::Statement& statement, const Values&... values) {
  const auto one = [&](const auto& value) {
    if constexpr (std::is_same_v<std::decay_t<decltype(value)>, std::string>) {
      statement.bind(std::string_view(value));
    } else {
      statement.bind(value);
    }
  };
  (one(values), ...);
  return statement;
}

// A time that is not there is 0.
inline std::int64_t milliseconds(const std::optional<Time>& time) { return time ? to_epoch_ms(*time) : 0; }
inline std::optional<Time> time_from(std::int64_t ms) {
  return ms == 0 ? std::nullopt : std::optional<Time>(from_epoch_ms(ms));
}

// JSON that was written here.
inline Value stored(const std::string& text) {
  auto value = parse_json(text);
  return value ? std::move(*value) : Value();
}

}  // namespace millrace::pipelines::runner
