#include "aws/model.h"

#include <array>
#include <cstdlib>

#include <fmt/core.h>

#include "aws/model_data.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mutex.h"

namespace millrace::aws {
namespace {

Shape::Type shape_type(std::string_view name) {
  static constexpr std::array<std::pair<std::string_view, Shape::Type>, 11> kTypes = {{
      {"structure", Shape::Type::structure},
      {"list", Shape::Type::list},
      {"map", Shape::Type::map},
      {"string", Shape::Type::string},
      {"integer", Shape::Type::integer},
      {"long", Shape::Type::long_},
      {"float", Shape::Type::float_},
      {"double", Shape::Type::double_},
      {"boolean", Shape::Type::boolean},
      {"timestamp", Shape::Type::timestamp},
      {"blob", Shape::Type::blob},
  }};
  for (const auto& [text, type] : kTypes) {
    if (text == name) return type;
  }
  log::error("a service model has a shape of the unknown type {}", name);
  std::abort();
}

Protocol protocol_of(std::string_view name) {
  if (name == "query") return Protocol::query;
  if (name == "rest-xml") return Protocol::rest_xml;
  if (name == "rest-json") return Protocol::rest_json;
  return Protocol::json;
}

Member read_member(const ServiceModel& model, const std::string& name, const Value& fields) {
  Member member;
  member.name = name;
  member.shape = model.shapes.find(fields["shape"].string_or())->second.get();
  member.location = fields["location"].string_or();
  member.location_name = fields["locationName"].string_or();
  member.timestamp_format = fields["timestampFormat"].string_or();
  member.flattened = fields["flattened"].bool_or(false);
  member.xml_attribute = fields["xmlAttribute"].bool_or(false);
  member.streaming = fields["streaming"].bool_or(false);
  return member;
}

void read_shape(const ServiceModel& model, Shape& shape, const Value& fields) {
  shape.type = shape_type(fields["type"].string_or());
  for (const auto& [name, member] : fields["members"].members())
    shape.members.push_back(read_member(model, name, member));
  for (const Value& name : fields["required"].items()) shape.required.push_back(name.string_or());
  shape.payload = fields["payload"].string_or();
  if (fields.has("member")) shape.element = read_member(model, "member", fields["member"]);
  if (fields.has("value")) shape.element = read_member(model, "value", fields["value"]);
  if (fields.has("key")) shape.key = read_member(model, "key", fields["key"]);
  for (const Value& value : fields["enum"].items()) shape.enumeration.push_back(value.string_or());
  shape.pattern = fields["pattern"].string_or();
  if (fields["min"].is_number()) shape.min = fields["min"].as_double();
  if (fields["max"].is_number()) shape.max = fields["max"].as_double();
  shape.timestamp_format = fields["timestampFormat"].string_or();
  shape.document = fields["document"].bool_or(false);
  shape.sensitive = fields["sensitive"].bool_or(false);
  shape.flattened = fields["flattened"].bool_or(false);
  shape.streaming = fields["streaming"].bool_or(false);
}

Value parse_model(std::string_view service, std::string_view text) {
  auto parsed = parse_json(text);
  if (!parsed || !parsed->has("service")) {
    log::error("there is no service model of {}", service);
    std::abort();
  }
  return std::move(*parsed);
}

ServiceIdentity read_identity(const Value& source) {
  ServiceIdentity identity;
  identity.service = source["service"].string_or();
  identity.signing_name = source["signing_name"].string_or();
  identity.api_version = source["api_version"].string_or();
  identity.target_prefix = source["target_prefix"].string_or();
  identity.json_version = source["json_version"].string_or();
  identity.xml_namespace = source["xml_namespace"].string_or();
  identity.endpoint = source["endpoint"].string_or();
  if (source["signing"].string_or() == "verbatim") identity.signing = sigv4::Scheme::verbatim;
  identity.protocol = protocol_of(source["protocol"].string_or());
  return identity;
}

std::unique_ptr<ServiceModel> load(std::string_view service) {
  const Value source = parse_model(service, model_text(service));
  auto model = std::make_unique<ServiceModel>();
  static_cast<ServiceIdentity&>(*model) = read_identity(source);
  for (const Value& name : source["known_operations"].items()) model->known_operations.push_back(name.string_or());
  for (const Value& name : source["sub_resources"].items()) model->sub_resources.push_back(name.string_or());
  // All shapes first, since they name one another.
  for (const auto& [name, fields] : source["shapes"].members()) {
    auto shape = std::make_unique<Shape>();
    shape->name = name;
    model->shapes.emplace(name, std::move(shape));
  }
  for (const auto& [name, fields] : source["shapes"].members())
    read_shape(*model, *model->shapes.find(name)->second, fields);
  const auto shape_named = [&](const Value& name) -> const Shape* {
    const auto found = model->shapes.find(name.string_or());
    return found == model->shapes.end() ? nullptr : found->second.get();
  };
  for (const auto& [name, fields] : source["operations"].members()) {
    OperationModel operation;
    operation.name = name;
    operation.method = fields["method"].string_or("POST");
    operation.request_uri = fields["uri"].string_or("/");
    operation.response_code = static_cast<int>(fields["code"].int_or(200));
    operation.input = shape_named(fields["input"]);
    operation.output = shape_named(fields["output"]);
    operation.output_wrapper = fields["wrapper"].string_or();
    operation.input_root = fields["root"].string_or();
    operation.output_root = fields["output_root"].string_or();
    operation.text_output = fields["text_output"].string_or();
    model->operations.emplace(name, std::move(operation));
  }
  return model;
}

}  // namespace

const Member* Shape::member(std::string_view member_name) const {
  for (const Member& candidate : members) {
    if (candidate.name == member_name) return &candidate;
  }
  return nullptr;
}

const OperationModel* ServiceModel::operation(std::string_view name) const {
  const auto found = operations.find(name);
  return found == operations.end() ? nullptr : &found->second;
}

const ServiceModel& service_model(std::string_view service) {
  static Mutex mutex;
  static std::map<std::string, std::unique_ptr<ServiceModel>, std::less<>> loaded;
  const MutexLock lock(mutex);
  auto found = loaded.find(service);
  if (found == loaded.end()) found = loaded.emplace(std::string(service), load(service)).first;
  return *found->second;
}

ServiceIdentity service_identity(std::string_view service) {
  // tools/trim_models.py writes the identity before everything that is long.
  const std::string_view text = model_text(service);
  const std::string head(text.substr(0, text.find(",\"known_operations\"")));
  return read_identity(parse_model(service, head + "}"));
}

}  // namespace millrace::aws
