#include "kube/aws_resources/resource_schema.h"

#include <algorithm>
#include <vector>

#include <fmt/core.h>

#include "base/encode.h"
#include "base/time.h"
#include "kube/aws_resources/field_names.h"
#include "kube/schema.h"

namespace millrace::kube {
namespace {

using Type = aws::Shape::Type;

constexpr int kMaxDepth = 30;  // of nested shapes; no model comes near it
constexpr const char* kObjectMeta = "#/definitions/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta";

Value text_schema() { return Value::object({{"type", "string"}}); }

Value schema_of(const aws::Shape& shape, int depth) {
  if (depth > kMaxDepth || shape.document) return Value::object({{"type", "object"}});
  switch (shape.type) {
    case Type::structure: {
      Value properties = Value::object();
      for (const aws::Member& member : shape.members)
        properties.set(resource_field(member.name), schema_of(*member.shape, depth + 1));
      Value schema = Value::object({{"type", "object"}});
      if (!properties.empty()) schema.set("properties", std::move(properties));
      return schema;
    }
    case Type::list:
      return Value::object({{"type", "array"}, {"items", schema_of(*shape.element.shape, depth + 1)}});
    case Type::map:
      return Value::object({{"type", "object"}, {"additionalProperties", schema_of(*shape.element.shape, depth + 1)}});
    case Type::integer:
    case Type::long_:
      return Value::object({{"type", "integer"}, {"format", "int64"}});
    case Type::float_:
    case Type::double_:
      return Value::object({{"type", "number"}});
    case Type::boolean:
      return Value::object({{"type", "boolean"}});
    case Type::timestamp:
      return Value::object({{"type", "string"}, {"format", "date-time"}});
    case Type::blob:
      return Value::object({{"type", "string"}, {"format", "byte"}});
    case Type::string:
      break;
  }
  return text_schema();
}

Value spec_schema(const AwsKind& kind, const aws::ServiceModel& model) {
  const aws::Shape& input = *model.operation(kind.operation("Create"))->input;
  Value schema = schema_of(input, 0);
  std::vector<std::string> required;
  for (const auto& member : input.required) required.push_back(resource_field(member));
  for (const auto& member : kind.required) required.push_back(resource_field(member));
  std::ranges::sort(required);
  const auto repeated = std::ranges::unique(required);
  required.erase(repeated.begin(), repeated.end());
  schema.set("description",
             fmt::format("The request of {}, with names as Kubernetes has them.", kind.operation("Create")));
  return schema.set("required", Value(Value::Array(required.begin(), required.end())));
}

Value condition_schema() {
  return Value::object({{"type", "object"},
                        {"description", "How the resource stands to what the service has."},
                        {"required", Value::array({"status", "type"})},
                        {"properties", Value::object({{"lastTransitionTime",
                                                       Value::object({{"type", "string"}, {"format", "date-time"}})},
                                                      {"message", text_schema()},
                                                      {"reason", text_schema()},
                                                      {"status", text_schema()},
                                                      {"type", text_schema()}})}});
}

Value status_schema(const AwsKind& kind, const aws::ServiceModel& model) {
  Value properties = Value::object(
      {{"ackResourceMetadata", Value::object({{"type", "object"},
                                              {"description", "Which AWS resource this is."},
                                              {"required", Value::array({"ownerAccountID", "region"})},
                                              {"properties", Value::object({{"arn", text_schema()},
                                                                            {"ownerAccountID", text_schema()},
                                                                            {"partition", text_schema()},
                                                                            {"region", text_schema()}})}})},
       {"conditions", Value::object({{"type", "array"}, {"items", condition_schema()}})}});
  const aws::Shape& output = *model.operation(kind.operation("Describe"))->output;
  for (const std::string_view name : kind.status_members) {
    if (const aws::Member* member = output.member(name))
      properties.set(resource_field(name), schema_of(*member->shape, 0));
  }
  return Value::object(
      {{"type", "object"},
       {"description", fmt::format("What {} answers, and the conditions.", kind.operation("Describe"))},
       {"properties", std::move(properties)}});
}

Value resource_schema(const AwsKind& kind) {
  const aws::ServiceModel& model = aws::service_model("sagemaker");
  Value properties = Value::object(
      {{"apiVersion", text_schema()}, {"kind", text_schema()}, {"metadata", Value::object({{"$ref", kObjectMeta}})}});
  const Value anything = Value::object({{"type", "object"}});
  properties.set("spec", kind.is_served() ? spec_schema(kind, model) : anything);
  properties.set("status", kind.is_served() ? status_schema(kind, model) : anything);
  Value type = Value::object({{"group", kSageMakerGroup}, {"kind", kind.kind}, {"version", "v1alpha1"}});
  return Value::object({{"type", "object"},
                        {"description", fmt::format("{} of Amazon SageMaker as a resource of Kubernetes.", kind.kind)},
                        {"properties", std::move(properties)},
                        {"x-kubernetes-group-version-kind", Value::array({std::move(type)})}});
}

// --- checks ---

std::string_view type_of(const Value& value) {
  return value.kind() == Value::Kind::real ? "number" : value.kind_name();
}

bool has_type(const std::string& type, const Value& value) {
  if (type == "object") return value.is_object();
  if (type == "array") return value.is_array();
  if (type == "boolean") return value.is_bool();
  if (type == "integer") return value.is_integer();
  return type == "number" ? value.is_number() : value.is_string();
}

// The depth of recursion is that of the object, which the JSON reader bounds.
void check_value(const Value& schema, const Value& value, const std::string& path, FieldErrors& errors) {
  const std::string type = schema.at("type").string_or();
  if (type.empty()) return;
  if (!has_type(type, value)) {
    errors.invalid(path, type_of(value),
                   fmt::format("{} in body must be of type {}: \"{}\"", path, type, type_of(value)));
    return;
  }
  for (const auto& [key, member] : value.members()) {
    if (const Value* inner = member_schema(schema, key); inner != nullptr && !inner->is_null())
      check_value(*inner, member, path + "." + key, errors);
  }
  for (std::size_t i = 0; i < value.items().size(); ++i)
    check_value(schema.at("items"), value.items()[i], fmt::format("{}[{}]", path, i), errors);
  for (const Value& name : schema.at("required").items()) {
    if (!value.has(name.as_string())) errors.required(path + "." + name.as_string());
  }
}

}  // namespace

std::string resource_schema_name(const AwsKind& kind) {
  return fmt::format("aws.k8s.services.sagemaker.v1alpha1.{}", kind.kind);
}

Value resource_schemas() {
  Value schemas = Value::object();
  for (const AwsKind& kind : aws_kinds()) schemas.set(resource_schema_name(kind), resource_schema(kind));
  return schemas;
}

void check_by_schema(std::string_view schema_name, const Value& object, FieldErrors& errors) {
  const Value& properties = definition(schema_name).at("properties");
  for (const char* part : {"spec", "status"}) {
    if (object.has(part) && properties.has(part)) check_value(properties.at(part), object.at(part), part, errors);
  }
}

Value to_resource(const aws::Shape& shape, const Value& value) {
  if (shape.document) return value;
  if (shape.type == Type::timestamp && value.is_number())
    return format_rfc3339(from_epoch_ms(static_cast<std::int64_t>(value.as_double() * 1000)));
  if (shape.type == Type::blob && value.is_string()) return to_base64(value.as_string());
  if (value.is_array() && shape.type == Type::list) {
    Value list = Value::array();
    for (const Value& item : value.items()) list.push(to_resource(*shape.element.shape, item));
    return list;
  }
  if (!value.is_object()) return value;
  Value made = Value::object();
  for (const auto& [name, inner] : value.members()) {
    if (inner.is_null()) continue;
    if (shape.type == Type::map) {
      made.set(name, to_resource(*shape.element.shape, inner));
    } else if (const aws::Member* member = shape.member(name)) {
      made.set(resource_field(name), to_resource(*member->shape, inner));
    }
  }
  return made;
}

Value from_resource(const aws::Shape& shape, const Value& field) {
  if (shape.document) return field;
  if (shape.type == Type::timestamp && field.is_string()) {
    const auto time = parse_rfc3339(field.as_string());
    return time ? Value(to_epoch_seconds(*time)) : field;
  }
  if (shape.type == Type::blob && field.is_string()) {
    auto bytes = from_base64(field.as_string());
    return bytes ? Value(std::move(*bytes)) : field;
  }
  if (field.is_array() && shape.type == Type::list) {
    Value list = Value::array();
    for (const Value& item : field.items()) list.push(from_resource(*shape.element.shape, item));
    return list;
  }
  if (!field.is_object()) return field;
  Value made = Value::object();
  if (shape.type == Type::map) {
    for (const auto& [key, inner] : field.members()) made.set(key, from_resource(*shape.element.shape, inner));
    return made;
  }
  for (const aws::Member& member : shape.members) {
    if (const Value* inner = field.find(resource_field(member.name)); inner != nullptr && !inner->is_null())
      made.set(member.name, from_resource(*member.shape, *inner));
  }
  return made;
}

}  // namespace millrace::kube
