#include "pipelines/api/call.h"

#include <algorithm>
#include <cmath>

#include <fmt/core.h>

#include "base/disk_full.h"
#include "base/json.h"
#include "base/strings.h"

namespace millrace::pipelines::api {
namespace {

constexpr std::size_t kMaxBody = 32u << 20;

std::string snake_case(std::string_view name) {
  std::string out;
  for (const char c : name) {
    if (c >= 'A' && c <= 'Z') {
      out += '_';
      out += static_cast<char>(c - 'A' + 'a');
    } else {
      out += c;
    }
  }
  return out;
}

}  // namespace

int rpc_number(Code code) {
  switch (code) {
    case Code::cancelled:
      return 1;
    case Code::invalid_argument:
      return 3;
    case Code::deadline_exceeded:
      return 4;
    case Code::not_found:
      return 5;
    case Code::already_exists:
      return 6;
    case Code::permission_denied:
      return 7;
    case Code::resource_exhausted:
      return 8;
    case Code::failed_precondition:
      return 9;
    case Code::aborted:
      return 10;
    case Code::unimplemented:
      return 12;
    case Code::internal:
      return 13;
    case Code::unavailable:
      return 14;
    case Code::data_loss:
      return 15;
    case Code::unauthenticated:
      return 16;
  }
  return 13;
}

std::string Call::parameter(std::string_view name) const {
  for (const auto& [key, value] : query) {
    if (key == name || snake_case(key) == name) return value;
  }
  return {};
}

Result<Value> read_message(const Value& value, std::string_view message,
                           std::initializer_list<std::string_view> fields) {
  Value out = Value::object();
  if (value.is_null()) return out;
  if (!value.is_object())
    return fail(Code::invalid_argument,
                fmt::format("{} must be a JSON object, not {}", message, value.kind_with_article()));
  for (const auto& [name, member] : value.members()) {
    const std::string field = snake_case(name);
    if (std::find(fields.begin(), fields.end(), field) == fields.end())
      return fail(Code::invalid_argument, fmt::format("unknown field \"{}\" in {}", name, message));
    if (!member.is_null()) out.set(field, member);
  }
  return out;
}

Result<Value> read_json(const Call& call) {
  auto body = call.request.body->read_all(kMaxBody);
  if (!body && body.error().code == Code::resource_exhausted)
    return fail(Code::invalid_argument, "the request body is larger than 32 MiB");
  const std::string text = MR_TRY(Result<std::string>(std::move(body)));
  if (text.empty()) return Value::object();
  auto value = parse_json(text);
  if (!value) return fail(Code::invalid_argument, "the request body cannot be read: " + value.error().message);
  return value;
}

Result<Value> read_body(const Call& call, std::string_view message, std::initializer_list<std::string_view> fields) {
  return read_message(MR_TRY(read_json(call)), message, fields);
}

Result<bool> flag(const Call& call, std::string_view name) {
  const std::string value = call.parameter(name);
  if (value == "true" || value == "True" || value == "1") return true;  // as Go reads them; the SDK writes Python's
  if (value.empty() || value == "false" || value == "False" || value == "0") return false;
  return fail(Code::invalid_argument, fmt::format("{} must be true or false, not \"{}\"", name, value));
}

Result<std::string> text_field(const Value& message, std::string_view name) {
  const Value& value = message[name];
  if (value.is_null()) return std::string();
  if (!value.is_string())
    return fail(Code::invalid_argument, fmt::format("{} must be a string, not {}", name, value.kind_with_article()));
  return value.as_string();
}

std::optional<std::int64_t> whole_number(const Value& value) {
  constexpr double kLimit = 9'007'199'254'740'992.0;  // up to here each whole number has a double of its own
  if (value.is_string()) return parse_int(value.as_string());
  if (value.is_integer()) return value.as_int();
  if (!value.is_number()) return std::nullopt;
  const double number = value.as_double();
  if (number != std::floor(number) || std::abs(number) > kLimit) return std::nullopt;
  return static_cast<std::int64_t>(number);
}

Error not_found(std::string_view what, std::string_view id) {
  return {Code::not_found, fmt::format("{} {} not found", what, id)};
}

int http_status(Code code) {
  switch (code) {
    case Code::invalid_argument:
    case Code::failed_precondition:
      return 400;
    case Code::unauthenticated:
      return 401;
    case Code::permission_denied:
      return 403;
    case Code::not_found:
      return 404;
    case Code::already_exists:
    case Code::aborted:
      return 409;
    case Code::resource_exhausted:
      return 429;
    case Code::cancelled:
      return 499;
    case Code::unimplemented:
      return 501;
    case Code::unavailable:
      return 503;
    case Code::deadline_exceeded:
      return 504;
    case Code::internal:
    case Code::data_loss:
      return 500;
  }
  return 500;
}

net::Response error_response(const Error& error) {
  const int number = rpc_number(error.code);
  Value detail =
      Value::object({{"@type", "type.googleapis.com/google.rpc.Status"}, {"code", number}, {"message", error.message}});
  return net::Response::json(
      is_disk_full(error) ? kInsufficientStorage : http_status(error.code),
      to_json(Value::object(
          {{"code", number}, {"message", error.message}, {"details", Value::array({std::move(detail)})}})));
}

net::Response plain_error_response(const Error& error) {
  return net::Response::json(
      is_disk_full(error) ? kInsufficientStorage : http_status(error.code),
      to_json(Value::object({{"error_message", error.message}, {"error_details", error.message}})));
}

}  // namespace millrace::pipelines::api
