#include "app/task_token.h"

#include "base/encode.h"
#include "base/hash.h"

namespace millrace::app {
namespace {

constexpr std::string_view kPrefix = "millrace-task.";

std::string signature(std::string_view encryption_key, std::string_view launch_key) {
  return to_hex(as_chars(hmac_sha256(encryption_key, std::string("task token\n") + std::string(launch_key))));
}

}  // namespace

std::string task_token(std::string_view encryption_key, std::string_view launch_key) {
  return std::string(kPrefix) + to_hex(std::string(launch_key)) + "." + signature(encryption_key, launch_key);
}

bool is_task_token(std::string_view token) { return token.starts_with(kPrefix); }

std::optional<std::string> read_task_token(std::string_view encryption_key, std::string_view token) {
  if (!is_task_token(token)) return std::nullopt;
  token.remove_prefix(kPrefix.size());
  const std::size_t dot = token.find('.');
  if (dot == std::string_view::npos) return std::nullopt;
  auto launch_key = from_hex(std::string(token.substr(0, dot)));
  if (!launch_key || !equal_constant_time(token.substr(dot + 1), signature(encryption_key, *launch_key)))
    return std::nullopt;
  return std::move(*launch_key);
}

}  // namespace millrace::app
