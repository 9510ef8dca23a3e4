#include "sagemaker/errors.h"

#include <fmt/core.h>

#include "base/strings.h"

namespace millrace::sagemaker {

tl::unexpected<Error> validation_error(std::string message) {
  return fail(Code::invalid_argument, std::move(message), "ValidationException");
}
tl::unexpected<Error> resource_in_use(std::string message) {
  return fail(Code::already_exists, std::move(message), "ResourceInUse");
}
tl::unexpected<Error> resource_not_found(std::string message) {
  return fail(Code::not_found, std::move(message), "ResourceNotFound");
}
tl::unexpected<Error> limit_exceeded(std::string message) {
  return fail(Code::resource_exhausted, std::move(message), "ResourceLimitExceeded");
}

namespace {

Error in_words(const ErrorWords& words, std::string_view name, const std::string& arn) {
  return {words.code, fmt::format(fmt::runtime(words.text), fmt::arg("name", name), fmt::arg("arn", arn)),
          std::string(words.reason)};
}

}  // namespace

Error no_such(Kind kind, std::string_view name, const std::string& arn) {
  return in_words(info_of(kind).missing, name, arn);
}
Error exists_already(Kind kind, std::string_view name, const std::string& arn) {
  return in_words(info_of(kind).taken, name, arn);
}

namespace {

bool asks(const Value& value) {
  switch (value.kind()) {
    case Value::Kind::null:
      return false;
    case Value::Kind::boolean:
      return value.as_bool();
    case Value::Kind::string:
      return !value.as_string().empty();
    case Value::Kind::array:
    case Value::Kind::object:
      return !value.empty();
    default:
      return true;
  }
}

bool asks_at(const Value& value, std::string_view path) {
  const auto dot = path.find('.');
  std::string_view head = path.substr(0, dot);
  const std::string_view rest = dot == std::string_view::npos ? std::string_view() : path.substr(dot + 1);
  const bool each = head.ends_with("[]");
  if (each) head.remove_suffix(2);
  const Value& member = value.at(head);
  if (!each) return rest.empty() ? asks(member) : asks_at(member, rest);
  for (const auto& item : member.items()) {
    if (rest.empty() ? asks(item) : asks_at(item, rest)) return true;
  }
  return false;
}

}  // namespace

Status refuse_unsupported(const Value& input, std::initializer_list<Unsupported> table) {
  for (const auto& [path, sentence] : table) {
    if (asks_at(input, path)) return validation_error(std::string(sentence));
  }
  return {};
}

}  // namespace millrace::sagemaker
