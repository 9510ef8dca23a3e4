// Field numbers from github.com/google/gnostic-models, openapiv2/OpenAPIv2.proto.
#include "base/json.h"
#include "kube/openapi.h"

namespace millrace::kube {
namespace {

void append_varint(std::string& out, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) out += static_cast<char>(value | 0x80);
  out += static_cast<char>(value);
}

class Message {
 public:
  Message& add(std::uint32_t number, std::string_view bytes) {
    append_varint(bytes_, number << 3 | 2u);
    append_varint(bytes_, bytes.size());
    bytes_ += bytes;
    return *this;
  }
  Message& add(std::uint32_t number, const Message& message) { return add(number, message.bytes_); }
  Message& add_true(std::uint32_t number) {
    append_varint(bytes_, number << 3);
    bytes_ += '\1';
    return *this;
  }
  Message& text(std::uint32_t number, const Value& value) {
    return value.is_string() ? add(number, value.as_string()) : *this;
  }
  std::string take() && { return std::move(bytes_); }

 private:
  std::string bytes_;
};

Message named(std::string_view name, const Message& value) { return Message().add(1, name).add(2, value); }

// Extensions ("x-…") travel as the YAML of their values; JSON is YAML.
void add_extensions(Message& message, std::uint32_t number, const Value& object) {
  for (const auto& [key, value] : object.members()) {
    if (key.starts_with("x-")) message.add(number, named(key, Message().add(2, to_json(value))));
  }
}

// The depth of recursion is that of the document, which is part of the program.
Message schema_message(const Value& schema) {
  Message message;
  message.text(1, schema.at("$ref")).text(2, schema.at("format")).text(4, schema.at("description"));
  for (const Value& name : schema.at("required").items()) message.text(19, name);
  if (const Value* any = schema.find("additionalProperties")) message.add(21, Message().add(1, schema_message(*any)));
  if (schema.at("type").is_string()) message.add(22, Message().text(1, schema.at("type")));
  if (const Value* item = schema.find("items")) message.add(23, Message().add(1, schema_message(*item)));
  if (schema.has("properties")) {
    Message properties;
    for (const auto& [name, property] : schema.at("properties").members())
      properties.add(1, named(name, schema_message(property)));
    message.add(25, properties);
  }
  add_extensions(message, 31, schema);
  return message;
}

// All parameters here are of the query.
Message parameter_message(const Value& parameter) {
  Message query;
  query.text(2, parameter.at("in")).text(4, parameter.at("name")).text(6, parameter.at("type"));
  if (parameter.at("uniqueItems").bool_or(false)) query.add_true(20);
  return Message().add(1, Message().add(2, Message().add(3, query)));
}

Message operation_message(const Value& operation) {
  Message message;
  message.text(5, operation.at("operationId"));
  for (const Value& parameter : operation.at("parameters").items()) message.add(8, parameter_message(parameter));
  Message responses;
  for (const auto& [code, response] : operation.at("responses").members())
    responses.add(1, named(code, Message().add(1, Message().text(1, response.at("description")))));
  message.add(9, responses);
  add_extensions(message, 13, operation);
  return message;
}

Message path_message(const Value& path) {
  struct Method {
    std::string_view name;
    std::uint32_t number;
  };
  static constexpr Method kMethods[] = {{"get", 2}, {"put", 3}, {"post", 4}, {"delete", 5}, {"patch", 8}};
  Message message;
  for (const auto& [name, number] : kMethods) {
    if (const Value* operation = path.find(name)) message.add(number, operation_message(*operation));
  }
  return message;
}

}  // namespace

std::string openapi_protobuf(const Value& document) {
  Message message;
  message.text(1, document.at("swagger"));
  message.add(2, Message().text(1, document.at("info").at("title")).text(2, document.at("info").at("version")));
  Message paths;
  for (const auto& [name, path] : document.at("paths").members()) paths.add(2, named(name, path_message(path)));
  message.add(8, paths);
  Message all;
  for (const auto& [name, schema] : document.at("definitions").members())
    all.add(1, named(name, schema_message(schema)));
  message.add(9, all);
  return std::move(message).take();
}

}  // namespace millrace::kube
