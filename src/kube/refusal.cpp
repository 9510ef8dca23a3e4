#include "kube/refusal.h"

#include <algorithm>

#include <fmt/core.h>

#include "base/json.h"
#include "base/strings.h"

namespace millrace::kube {
namespace {

std::string shown(const Value& value) { return to_json(value); }

Value kind_details(const std::string& kind, const std::string& name) {
  const auto dot = kind.find('.');
  Value details = Value::object();
  details.set_if(!name.empty(), "name", name);
  if (dot != std::string::npos) details.set("group", kind.substr(dot + 1));
  return details.set("kind", kind.substr(0, dot));
}

std::string with_detail(std::string text, std::string_view detail) {
  if (!detail.empty()) text.append(": ").append(detail);
  return text;
}

}  // namespace

Error refusal(Code code, std::string_view reason, std::string message, const Value& details) {
  return Error(code, std::move(message), fmt::format("{} {}", reason, to_json(details)));
}

Value resource_details(const std::string& resource, const std::string& name) { return kind_details(resource, name); }

Error not_found(const std::string& resource, const std::string& name) {
  return refusal(Code::not_found, "NotFound", fmt::format("{} \"{}\" not found", resource, name),
                 resource_details(resource, name));
}

Error already_exists(const std::string& resource, const std::string& name) {
  return refusal(Code::already_exists, "AlreadyExists", fmt::format("{} \"{}\" already exists", resource, name),
                 resource_details(resource, name));
}

Error conflict(const std::string& resource, const std::string& name, std::string_view why) {
  return refusal(Code::aborted, "Conflict",
                 fmt::format("Operation cannot be fulfilled on {} \"{}\": {}", resource, name, why),
                 resource_details(resource, name));
}

Error forbidden(const std::string& resource, const std::string& name, std::string_view why) {
  const std::string what = name.empty() ? resource : fmt::format("{} \"{}\"", resource, name);
  return refusal(Code::permission_denied, "Forbidden", fmt::format("{} is forbidden: {}", what, why),
                 resource_details(resource, name));
}

Error method_not_allowed() {
  return refusal(Code::invalid_argument, "MethodNotAllowed",
                 "the server does not allow this method on the requested resource", Value::object());
}

Error unknown_path() {
  return refusal(Code::not_found, "NotFound", "the server could not find the requested resource", Value::object());
}

Error bad_request(std::string message) { return Error(Code::invalid_argument, std::move(message)); }

Error too_old(std::int64_t version, std::int64_t oldest) {
  return Error(Code::failed_precondition, fmt::format("too old resource version: {} ({})", version, oldest), "Expired");
}

void FieldErrors::required(std::string field, std::string_view detail) {
  causes_.push_back({"FieldValueRequired", std::move(field), with_detail("Required value", detail)});
}
void FieldErrors::invalid(std::string field, const Value& value, std::string_view detail) {
  causes_.push_back({"FieldValueInvalid", std::move(field), with_detail("Invalid value: " + shown(value), detail)});
}
void FieldErrors::unsupported(std::string field, const Value& value, const std::vector<std::string>& supported) {
  std::vector<std::string> quoted;
  for (const auto& text : supported) quoted.push_back(shown(text));
  causes_.push_back({"FieldValueNotSupported", std::move(field),
                     fmt::format("Unsupported value: {}: supported values: {}", shown(value), join(quoted, ", "))});
}
void FieldErrors::forbidden(std::string field, std::string_view detail) {
  causes_.push_back({"FieldValueForbidden", std::move(field), with_detail("Forbidden", detail)});
}
void FieldErrors::duplicate(std::string field, const Value& value) {
  causes_.push_back({"FieldValueDuplicate", std::move(field), "Duplicate value: " + shown(value)});
}
void FieldErrors::too_long(std::string field, std::size_t max_bytes) {
  causes_.push_back(
      {"FieldValueTooLong", std::move(field), fmt::format("Too long: may not be more than {} bytes", max_bytes)});
}

Status FieldErrors::status(const std::string& kind, const std::string& name) const {
  if (causes_.empty()) return {};
  std::vector<std::string> messages;
  Value causes = Value::array();
  for (const Cause& cause : causes_) {
    std::string message = fmt::format("{}: {}", cause.field, cause.message);
    if (std::ranges::find(messages, message) == messages.end()) messages.push_back(std::move(message));
    causes.push(Value::object({{"reason", cause.reason}, {"message", cause.message}, {"field", cause.field}}));
  }
  Value details = kind_details(kind, name);
  details.set("causes", std::move(causes));
  const std::string all = messages.size() == 1 ? messages.front() : "[" + join(messages, ", ") + "]";
  return fail(
      refusal(Code::invalid_argument, "Invalid", fmt::format("{} \"{}\" is invalid: {}", kind, name, all), details));
}

}  // namespace millrace::kube
