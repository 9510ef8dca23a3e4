#include <cmath>

#include "aws/codec.h"
#include "base/encode.h"
#include "base/json.h"
#include "base/strings.h"
#include "base/time.h"

namespace millrace::aws {

std::string scalar_text(const Shape& shape, const Value& value, std::string_view timestamp_format) {
  switch (value.kind()) {
    case Value::Kind::boolean:
      return value.as_bool() ? "true" : "false";
    case Value::Kind::integer:
    case Value::Kind::real:
      if (shape.type == Shape::Type::timestamp) {
        const Time at = from_epoch_ms(static_cast<std::int64_t>(std::llround(value.as_double() * 1000.0)));
        if (!shape.timestamp_format.empty()) timestamp_format = shape.timestamp_format;
        if (timestamp_format == "rfc822") return format_http_date(at);
        if (timestamp_format == "unixTimestamp") return format_number(value.as_double());
        return to_epoch_ms(at) % 1000 == 0 ? format_rfc3339(at) : format_rfc3339_millis(at);
      }
      return to_json(value);
    case Value::Kind::string:
      return shape.type == Shape::Type::blob ? to_base64(value.as_string()) : value.as_string();
    default:
      return "";
  }
}

Value scalar_from_text(const Shape& shape, std::string_view text) {
  switch (shape.type) {
    case Shape::Type::boolean:
      if (equals_ignore_case(text, "true")) return Value(true);
      if (equals_ignore_case(text, "false")) return Value(false);
      break;
    case Shape::Type::integer:
    case Shape::Type::long_:
      if (const auto number = parse_int(trim(text))) return Value(*number);
      break;
    case Shape::Type::float_:
    case Shape::Type::double_:
      if (const auto number = parse_double(trim(text))) return Value(*number);
      break;
    case Shape::Type::timestamp:
      if (const auto number = parse_double(trim(text))) return Value(*number);
      if (const auto time = parse_rfc3339(trim(text))) return Value(to_epoch_seconds(*time));
      if (const auto time = parse_http_date(trim(text))) return Value(to_epoch_seconds(*time));
      break;
    case Shape::Type::blob:
      if (auto bytes = from_base64(trim(text))) return Value(std::move(*bytes));
      break;
    default:
      break;
  }
  return Value(text);
}

}  // namespace millrace::aws
