#include "base/log_format.h"

#include <atomic>

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include "base/json.h"
#include "base/strings.h"
#include "base/terminal_text.h"

namespace millrace::log {
namespace {

constexpr const char* kTextPattern = "%Y-%m-%dT%H:%M:%S.%e %l %v";
constexpr const char* kJsonPattern = R"({"time":"%Y-%m-%dT%H:%M:%S.%e%z","level":"%l",%v})";
std::atomic<Format> chosen{Format::text};

spdlog::level::level_enum to_spdlog(Level level) {
  switch (level) {
    case Level::trace:
      return spdlog::level::trace;
    case Level::debug:
      return spdlog::level::debug;
    case Level::info:
      return spdlog::level::info;
    case Level::warn:
      return spdlog::level::warn;
    case Level::error:
      return spdlog::level::err;
    case Level::off:
      return spdlog::level::off;
  }
  return spdlog::level::info;
}

spdlog::logger& logger() {
  static const std::shared_ptr<spdlog::logger> instance = [] {
    auto made = std::make_shared<spdlog::logger>("millrace", std::make_shared<spdlog::sinks::stderr_sink_mt>());
    made->set_pattern(kTextPattern);
    made->set_level(spdlog::level::warn);
    made->flush_on(spdlog::level::trace);
    return made;
  }();
  return *instance;
}

// A message may quote what clients and children wrote: it stays one line, without controls.
std::string text_line(std::string_view message, std::span<const Field> fields) {
  std::string line = terminal_line(message);
  for (const auto& [name, value] : fields) {
    if (!value.empty()) line += fmt::format(" {}={}", name, terminal_line(value));
  }
  return line;
}

std::string json_members(std::string_view message, std::span<const Field> fields) {
  std::string members = "\"message\":" + to_json(Value(std::string(message)));
  for (const auto& [name, value] : fields) {
    if (!value.empty()) members += fmt::format(",\"{}\":{}", name, to_json(Value(value)));
  }
  return members;
}

}  // namespace

void set_level(Level level) { logger().set_level(to_spdlog(level)); }

Level parse_level(std::string_view name, Level fallback) {
  constexpr std::string_view kNames[] = {"trace", "debug", "info", "warn", "error", "off"};
  for (std::size_t i = 0; i < std::size(kNames); ++i) {
    if (equals_ignore_case(name, kNames[i])) return static_cast<Level>(i);
  }
  return fallback;
}

bool enabled(Level level) { return logger().should_log(to_spdlog(level)); }

void set_format(Format format) {
  chosen = format;
  logger().set_pattern(format == Format::json ? kJsonPattern : kTextPattern);
}

void write(Level level, std::string_view message, std::span<const Field> fields) {
  const std::string line = chosen.load(std::memory_order_relaxed) == Format::json ? json_members(message, fields)
                                                                                  : text_line(message, fields);
  logger().log(to_spdlog(level), spdlog::string_view_t(line.data(), line.size()));
}

void write(Level level, std::string_view message) { write(level, message, {}); }

}  // namespace millrace::log
