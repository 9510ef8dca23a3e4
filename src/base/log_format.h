#pragma once
// How the program's own log is written: lines for people, or one JSON object a line for what collects logs.

#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "base/log.h"

namespace millrace::log {

enum class Format {
  text,  // 2026-12-01T06:20:00.123 warn message name=value
  json,  // {"time": "2026-12-01T06:20:00.123+0000", "level": "warn", "message": "…", "name": "value"}
};
void set_format(Format format);

using Field = std::pair<std::string_view, std::string>;
// A message with what a reader would search for: ids, states. Fields without a value are left out.
void write(Level level, std::string_view message, std::span<const Field> fields);

}  // namespace millrace::log
