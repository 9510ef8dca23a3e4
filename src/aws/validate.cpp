// The constraints of an input, in AWS's words: every offence is named, at the path of its member.

#include <re2/re2.h>

#include <map>
#include <memory>

#include <fmt/core.h>

#include "aws/model.h"
#include "base/json.h"
#include "base/mutex.h"
#include "base/strings.h"

namespace millrace::aws {
namespace {

constexpr std::size_t kMaxOffences = 20;

const re2::RE2& compiled(const std::string& pattern) {
  static Mutex mutex;
  static std::map<std::string, std::unique_ptr<re2::RE2>> cache;  // bounded by the models' patterns
  const MutexLock lock(mutex);
  auto& entry = cache[pattern];
  if (!entry) {
    re2::RE2::Options options;
    options.set_log_errors(false);
    entry = std::make_unique<re2::RE2>(pattern, options);
  }
  return *entry;
}

// Lengths count characters, not bytes.
std::size_t characters(std::string_view text) {
  std::size_t count = 0;
  for (const char c : text) count += (static_cast<unsigned char>(c) & 0xc0) != 0x80 ? 1 : 0;
  return count;
}

std::string lower_first(std::string name) {
  if (!name.empty() && name[0] >= 'A' && name[0] <= 'Z') name[0] = static_cast<char>(name[0] - 'A' + 'a');
  return name;
}

// A pattern as the public model writes it; ours are in RE2's syntax (tools/trim_models.py).
std::string as_published(std::string pattern) {
  static const re2::RE2 point(R"(\\x\{([0-9A-F]{4})\})");
  re2::RE2::GlobalReplace(&pattern, point, R"(\\u\1)");
  for (const auto& [ours, theirs] : {std::pair("[:print:]", "\\p{Print}"), std::pair("[:alnum:]", "\\p{Alnum}"),
                                     std::pair("[\\x00-\\x7F]", "\\p{ASCII}")})
    pattern = replace_all(std::move(pattern), ours, theirs);
  return pattern;
}

class Validator {
 public:
  explicit Validator(const ValidationWords& words) : words_(words) {}
  void check(const Shape& shape, const Value& value, const std::string& path) {
    if (offences_.size() >= kMaxOffences) return;
    switch (shape.type) {
      case Shape::Type::structure:
        return check_structure(shape, value, path);
      case Shape::Type::list:
        return check_list(shape, value, path);
      case Shape::Type::map:
        return check_map(shape, value, path);
      case Shape::Type::string:
        return check_string(shape, value, path);
      case Shape::Type::integer:
      case Shape::Type::long_:
      case Shape::Type::float_:
      case Shape::Type::double_:
        return check_number(shape, value, path);
      case Shape::Type::boolean:
        if (!value.is_bool()) wrong_type(value, path, "a boolean");
        return;
      case Shape::Type::timestamp:
        if (!value.is_number() && !value.is_string()) wrong_type(value, path, "a timestamp");
        return;
      case Shape::Type::blob:
        if (!value.is_string())
          wrong_type(value, path, "a blob");
        else
          check_length(shape, value.as_string().size(), "(binary)", path);
        return;
    }
  }

  std::vector<std::string> offences_;
  std::string sentence_;  // the last offence in the service's own words
  bool type_offence_ = false;

 private:
  const ValidationWords& words_;
  void wrong_type(const Value& value, const std::string& path, std::string_view expected) {
    type_offence_ = true;
    offences_.push_back(fmt::format("Value at '{}' is {} but {} is expected", path, value.kind_name(), expected));
  }
  void offend(const std::string& shown, const std::string& path, const std::string& rule) {
    offences_.push_back(fmt::format("Value {} at '{}' failed to satisfy constraint: {}", shown, path, rule));
  }
  void check_length(const Shape& shape, std::size_t length, const std::string& shown, const std::string& path) {
    if (shape.min && static_cast<double>(length) < *shape.min) {
      offend(shown, path,
             fmt::format("Member must have length greater than or equal to {}", format_number(*shape.min)));
    }
    if (shape.max && static_cast<double>(length) > *shape.max) {
      offend(shown, path, fmt::format("Member must have length less than or equal to {}", format_number(*shape.max)));
    }
  }
  void check_structure(const Shape& shape, const Value& value, const std::string& path) {
    if (shape.document) return;
    if (!value.is_object()) return wrong_type(value, path, "a structure");
    const std::string prefix = path.empty() ? "" : path + ".";
    for (const std::string& name : shape.required) {
      // Streaming payloads are not part of the value: they are read by the handler.
      const Member* member = shape.member(name);
      if (member != nullptr && member->shape->type == Shape::Type::blob && name == shape.payload) continue;
      if (value[name].is_null()) offend("null", prefix + lower_first(name), "Member must not be null");
    }
    for (const auto& [name, item] : value.members()) {
      const Member* member = shape.member(name);
      if (member == nullptr || item.is_null()) continue;  // unknown members are ignored, as AWS does
      check(*member->shape, item, prefix + lower_first(name));
    }
  }
  void check_list(const Shape& shape, const Value& value, const std::string& path) {
    if (!value.is_array()) return wrong_type(value, path, "a list");
    check_length(shape, value.size(), "'" + to_json(value).substr(0, 200) + "'", path);
    for (std::size_t i = 0; i < value.size(); ++i) {
      check(*shape.element.shape, value.items()[i], fmt::format("{}.{}.member", path, i + 1));
    }
  }
  void check_map(const Shape& shape, const Value& value, const std::string& path) {
    if (!value.is_object()) return wrong_type(value, path, "a map");
    check_length(shape, value.size(), "'" + to_json(value).substr(0, 200) + "'", path);
    for (const auto& [key, item] : value.members()) {
      if (shape.key.shape != nullptr) check(*shape.key.shape, Value(key), path + ".key");
      check(*shape.element.shape, item, fmt::format("{}.{}.member", path, key));
    }
  }
  void check_string(const Shape& shape, const Value& value, const std::string& path) {
    if (!value.is_string()) return wrong_type(value, path, "a string");
    const std::string& text = value.as_string();
    const std::string shown = shape.sensitive ? "***Sensitive Data Redacted***" : "'" + text.substr(0, 200) + "'";
    check_length(shape, characters(text), shown, path);
    if (!shape.enumeration.empty()) {
      for (const std::string& allowed : shape.enumeration) {
        if (allowed == text) return;
      }
      offend(shown, path, fmt::format("Member must satisfy enum value set: [{}]", join(shape.enumeration, ", ")));
    } else if (!shape.pattern.empty()) {
      const re2::RE2& pattern = compiled(shape.pattern);
      if (pattern.ok() && !re2::RE2::FullMatch(text, pattern)) {
        const std::string_view made_of = words_.made_of == nullptr ? "" : words_.made_of(shape.pattern);
        if (!made_of.empty()) {
          sentence_ = fmt::format("The specified value for {} is invalid. {}", path, made_of);
        }
        offend(shown, path,
               fmt::format("Member must satisfy regular expression pattern: {}", as_published(shape.pattern)));
      }
    }
  }
  void check_number(const Shape& shape, const Value& value, const std::string& path) {
    const bool integral = shape.type == Shape::Type::integer || shape.type == Shape::Type::long_;
    constexpr std::int64_t kNone = INT64_MIN;
    if (!value.is_number() || (integral && value.int_or(kNone) == kNone))
      return wrong_type(value, path, integral ? "an integer" : "a number");
    const std::string shown = "'" + to_json(value) + "'";
    if (shape.min && value.as_double() < *shape.min) {
      offend(shown, path, fmt::format("Member must have value greater than or equal to {}", format_number(*shape.min)));
    }
    if (shape.max && value.as_double() > *shape.max) {
      offend(shown, path, fmt::format("Member must have value less than or equal to {}", format_number(*shape.max)));
    }
  }
};

}  // namespace

Status validate(const ServiceModel& service, const Shape& shape, const Value& input, const ValidationWords& words) {
  Validator validator(words);
  validator.check(shape, input, "");
  if (validator.offences_.empty()) return {};
  if (validator.type_offence_ && (service.protocol == Protocol::json || service.protocol == Protocol::rest_json)) {
    return fail(Code::invalid_argument, join(validator.offences_, "; "), "SerializationException");
  }
  if (validator.offences_.size() == 1 && !validator.sentence_.empty())
    return fail(Code::invalid_argument, validator.sentence_, "ValidationError");
  const std::string message = fmt::format("{} validation error{} detected: {}", validator.offences_.size(),
                                          validator.offences_.size() == 1 ? "" : "s", join(validator.offences_, "; "));
  const std::string_view reason = !words.code.empty()                      ? words.code
                                  : service.protocol == Protocol::query    ? "ValidationError"
                                  : service.protocol == Protocol::rest_xml ? "InvalidRequest"
                                                                           : "ValidationException";
  return fail(Code::invalid_argument, message, std::string(reason));
}

}  // namespace millrace::aws
