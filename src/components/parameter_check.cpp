#include "components/parameter_check.h"

#include <fmt/core.h>

#include "base/json.h"
#include "base/python_text.h"
#include "base/strings.h"

namespace millrace::components {
namespace {

using aws::Shape;

// What Python calls the type of a value.
std::string_view python_type(const Value& value) {
  switch (value.kind()) {
    case Value::Kind::null:
      return "NoneType";
    case Value::Kind::boolean:
      return "bool";
    case Value::Kind::integer:
      return "int";
    case Value::Kind::real:
      return "float";
    case Value::Kind::string:
      return "str";
    case Value::Kind::array:
      return "list";
    case Value::Kind::object:
      return "dict";
  }
  return "";
}

// The Python types that a shape takes.
std::string_view valid_types(Shape::Type type) {
  switch (type) {
    case Shape::Type::structure:
    case Shape::Type::map:
      return "<class 'dict'>";
    case Shape::Type::list:
      return "<class 'list'>, <class 'tuple'>";
    case Shape::Type::integer:
    case Shape::Type::long_:
      return "<class 'int'>";
    case Shape::Type::float_:
    case Shape::Type::double_:
      return "<class 'float'>, <class 'decimal.Decimal'>, <class 'int'>";
    case Shape::Type::boolean:
      return "<class 'bool'>";
    default:
      return "<class 'str'>";
  }
}

bool fits(Shape::Type type, const Value& value) {
  switch (type) {
    case Shape::Type::structure:
    case Shape::Type::map:
      return value.is_object();
    case Shape::Type::list:
      return value.is_array();
    case Shape::Type::integer:
    case Shape::Type::long_:
      return value.is_integer() || value.is_bool();
    case Shape::Type::float_:
    case Shape::Type::double_:
      return value.is_number();
    case Shape::Type::boolean:
      return value.is_bool();
    case Shape::Type::timestamp:
      return value.is_string() || value.is_number();
    default:
      return value.is_string();
  }
}

class Checker {
 public:
  void check(const Shape& shape, const Value& value, const std::string& path) {
    if (!fits(shape.type, value)) {
      faults_.push_back(fmt::format("Invalid type for parameter {}, value: {}, type: <class '{}'>, valid types: {}",
                                    shown(path), python_str(value), python_type(value), valid_types(shape.type)));
      return;
    }
    switch (shape.type) {
      case Shape::Type::structure:
        return check_structure(shape, value, path);
      case Shape::Type::list:
        check_minimum(shape, static_cast<double>(value.size()), "length", path);
        for (std::size_t i = 0; i < value.size(); ++i) {
          check(*shape.element.shape, value.items()[i], fmt::format("{}[{}]", path, i));
        }
        return;
      case Shape::Type::map:
        for (const auto& [key, item] : value.members()) {
          if (shape.key.shape != nullptr) check(*shape.key.shape, key, fmt::format("{} (key: {})", path, key));
          check(*shape.element.shape, item, fmt::format("{}.{}", path, key));
        }
        return;
      case Shape::Type::string:
        return check_minimum(shape, static_cast<double>(value.as_string().size()), "length", path);
      case Shape::Type::integer:
      case Shape::Type::long_:
      case Shape::Type::float_:
      case Shape::Type::double_:
        if (value.is_number()) check_minimum(shape, value.as_double(), "value", path);
        return;
      default:
        return;
    }
  }
  const std::vector<std::string>& faults() const { return faults_; }

 private:
  static std::string shown(const std::string& path) { return path.starts_with('.') ? path.substr(1) : path; }

  void check_structure(const Shape& shape, const Value& value, const std::string& path) {
    for (const std::string& name : shape.required) {
      if (value.has(name)) continue;
      faults_.push_back(
          fmt::format("Missing required parameter in {}: \"{}\"", path.empty() ? "input" : shown(path), name));
    }
    for (const auto& [name, item] : value.members()) {
      const aws::Member* member = shape.member(name);
      if (member != nullptr) {
        check(*member->shape, item, path + "." + name);
        continue;
      }
      std::vector<std::string> names;
      for (const aws::Member& one : shape.members) names.push_back(one.name);
      faults_.push_back(fmt::format("Unknown parameter in {}: \"{}\", must be one of: {}",
                                    path.empty() ? "input" : shown(path), name, join(names, ", ")));
    }
  }

  void check_minimum(const Shape& shape, double actual, std::string_view what, const std::string& path) {
    if (!shape.min || actual >= *shape.min) return;
    faults_.push_back(fmt::format("Invalid {} for parameter {}, value: {}, valid min {}: {}", what, shown(path),
                                  format_number(actual), what, format_number(*shape.min)));
  }

  std::vector<std::string> faults_;
};

}  // namespace

Status check_parameters(const aws::Shape& shape, const Value& input) {
  Checker checker;
  checker.check(shape, input, "");
  if (checker.faults().empty()) return {};
  return fail(Code::invalid_argument, "Parameter validation failed:\n" + join(checker.faults(), "\n"));
}

}  // namespace millrace::components
