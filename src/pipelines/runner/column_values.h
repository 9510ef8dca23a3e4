#pragma once
// Values to and from the columns of rows.

#include <cstdint>
#include <optional>
#include <string>

#include "base/json.h"
#include "base/time.h"

namespace millrace::pipelines::runner {

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
