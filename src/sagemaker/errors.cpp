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

Error no_such(Kind kind, std::string_view name, const std::string& arn) {
  const auto invalid = [](std::string message) {
    return Error(Code::invalid_argument, std::move(message), "ValidationException");
  };
  switch (kind) {
    case Kind::training_job:
      return invalid("Requested resource not found.");
    case Kind::processing_job:
    case Kind::transform_job:
      return invalid(fmt::format("Could not find requested job with name: {}", name));
    case Kind::tuning_job:
      return Error(Code::not_found,
                   fmt::format("Amazon SageMaker can't find a tuning job with the name {}. Type another name.", name),
                   "ResourceNotFound");
    case Kind::model:
      return invalid(fmt::format("Could not find model \"{}\".", arn));
    case Kind::endpoint_config:
      return invalid(fmt::format("Could not find endpoint configuration \"{}\".", arn));
    case Kind::endpoint:
      return invalid(fmt::format("Could not find endpoint \"{}\".", arn));
  }
  return invalid("Requested resource not found.");
}

Error exists_already(Kind kind, std::string_view name, const std::string& arn) {
  switch (kind) {
    case Kind::training_job:
      return Error(Code::already_exists,
                   fmt::format("Training job names must be unique within an AWS account and region, and a training "
                               "job with this name already exists ({})",
                               arn),
                   "ResourceInUse");
    case Kind::processing_job:
    case Kind::transform_job:
      return Error(Code::already_exists,
                   fmt::format("Job name must be unique within an AWS account and region, and a job with this name "
                               "already exists ({})",
                               arn),
                   "ResourceInUse");
    case Kind::tuning_job:
      return Error(
          Code::already_exists,
          fmt::format("A hyperparameter tuning job with the name, {}, already exists. Choose a different name.", name),
          "ResourceInUse");
    default:
      break;
  }
  const std::string_view noun = kind == Kind::model             ? "model"
                                : kind == Kind::endpoint_config ? "endpoint configuration"
                                                                : "endpoint";
  return Error(Code::invalid_argument, fmt::format("Cannot create already existing {} \"{}\".", noun, arn),
               "ValidationException");
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
