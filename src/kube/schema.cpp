#include "kube/schema.h"

#include <algorithm>

#include <fmt/core.h>

#include "base/encode.h"
#include "base/hash.h"
#include "base/json.h"
#include "kube/aws_resources/resource_schema.h"
#include "kube/refusal.h"
#include "kube/schema_data.h"

namespace millrace::kube {
namespace {

constexpr std::string_view kReference = "#/definitions/";
constexpr std::size_t kMaxUnknownFields = 100;  // reported of one object
const Value kNone;

std::string_view last_part(std::string_view name) { return name.substr(name.rfind('.') + 1); }

// The definition that a schema refers to, as Go calls the struct; empty: it refers to none.
std::string_view struct_name(const Value& schema) {
  const Value* reference = schema.find("$ref");
  return reference != nullptr ? last_part(reference->as_string()) : std::string_view();
}

std::string go_type(const Value& schema) {
  const std::string_view name = struct_name(schema);
  const Value& actual = resolved(schema);
  const std::string type = actual.at("type").string_or();
  const std::string format = actual.at("format").string_or();
  if (type == "object" && !name.empty()) return fmt::format("v1.{}", name);
  if (type == "object") return "map[string]" + go_type(actual.at("additionalProperties"));
  if (type == "array") return "[]" + go_type(actual.at("items"));
  if (type == "string") return format == "byte" ? "[]uint8" : "string";
  if (type == "integer") return format.empty() ? "int" : format;
  return type == "boolean" ? "bool" : "float64";
}

class Walk {
 public:
  enum class Of { builtin, custom };
  explicit Walk(std::string_view root, Of of = Of::builtin) : structure_(last_part(root)), of_(of) {}

  Status check(const Value& schema, Value& value) {
    if (value.is_null() || takes_anything(schema)) return {};
    const Value& actual = resolved(schema);
    const std::string type = actual.at("type").string_or();
    if (!fits(schema, actual, type, value)) return is_untyped() ? Status() : mismatch(schema, value);
    if (type == "object") return check_members(schema, value);
    if (type == "array") return check_items(actual.at("items"), value);
    return {};
  }
  FieldCheck result() && { return {std::move(unknown_)}; }

 private:
  bool is_untyped() const { return of_ == Of::custom && !path_.starts_with("metadata"); }

  static bool fits(const Value& schema, const Value& actual, const std::string& type, const Value& value) {
    if (type == "object") return value.is_object();
    if (type == "array") return value.is_array();
    if (type == "boolean") return value.is_bool();
    if (type == "integer") return value.is_integer();
    if (type == "number") return value.is_number();
    const bool numbers_too = actual.at("format").string_or() == "int-or-string" || struct_name(schema) == "Quantity";
    return value.is_string() || (numbers_too && value.is_number());
  }

  tl::unexpected<Error> mismatch(const Value& schema, const Value& value) const {
    static constexpr std::string_view kKinds[] = {"null", "bool", "number", "number", "string", "array", "object"};
    return fail(
        bad_request(fmt::format("json: cannot unmarshal {} into Go struct field {}.{} of type {}",
                                kKinds[static_cast<std::size_t>(value.kind())], structure_, keys_, go_type(schema))));
  }

  Status check_members(const Value& schema, Value& object) {
    const std::string outer_path = path_, outer_keys = keys_, outer_structure = structure_;
    if (const auto name = struct_name(schema); !name.empty()) structure_ = name;
    const bool is_map = resolved(schema).has("additionalProperties");
    std::vector<std::string> unknown;
    if (is_untyped())
      std::erase_if(object.as_object(), [](const Value::Member& member) { return member.second.is_null(); });
    for (auto& [key, value] : object.as_object()) {
      const Value* member = member_schema(schema, key);
      if (member == nullptr) {
        unknown.push_back(key);
        continue;
      }
      path_ = outer_path.empty() ? key : outer_path + "." + key;
      if (!is_map) keys_ = outer_keys.empty() ? key : outer_keys + "." + key;
      MR_TRY(check(*member, value));
      keys_ = outer_keys;
    }
    for (const auto& key : unknown) {
      object.erase(key);
      if (unknown_.size() < kMaxUnknownFields) unknown_.push_back(outer_path.empty() ? key : outer_path + "." + key);
    }
    path_ = outer_path, structure_ = outer_structure;
    return {};
  }

  Status check_items(const Value& schema, Value& array) {
    const std::string outer = path_;
    for (std::size_t i = 0; i < array.size(); ++i) {
      path_ = fmt::format("{}[{}]", outer, i);
      MR_TRY(check(schema, array.as_array()[i]));
    }
    path_ = outer;
    return {};
  }

  std::string path_, keys_;  // of a person ("metadata.labels.a"), of Go's decoder, which counts no keys of maps
  std::string structure_;
  Of of_;
  std::vector<std::string> unknown_;
};

}  // namespace

const Value& definitions() {
  static const Value all = [] {
    auto parsed = parse_json(schema_text());
    Value made = parsed ? std::move(*parsed) : Value::object();
    Value custom = resource_schemas();
    for (auto& [name, schema] : custom.as_object()) made.set(name, std::move(schema));
    return made;
  }();
  return all;
}

const Value& definition(std::string_view name) { return definitions().at(name); }

const Value& resolved(const Value& schema) {
  const Value* reference = schema.find("$ref");
  return reference == nullptr ? schema : definition(std::string_view(reference->as_string()).substr(kReference.size()));
}

bool takes_anything(const Value& schema) {
  const Value& actual = resolved(schema);
  const std::string type = actual.at("type").string_or();
  return type.empty() || (type == "object" && !actual.has("properties") && !actual.has("additionalProperties"));
}

const Value* member_schema(const Value& schema, std::string_view key) {
  const Value& actual = resolved(schema);
  if (takes_anything(schema)) return &kNone;
  if (const Value* any = actual.find("additionalProperties")) return any;
  return actual.at("properties").find(key);
}

const Value& item_schema(const Value& schema) { return resolved(schema).at("items"); }

Result<FieldCheck> check_fields(std::string_view definition_name, Value& object) {
  Walk walk(definition_name);
  MR_TRY(walk.check(definition(definition_name), object));
  return std::move(walk).result();
}

Result<FieldCheck> prune_fields(std::string_view definition_name, Value& object) {
  Walk walk(definition_name, Walk::Of::custom);
  MR_TRY(walk.check(definition(definition_name), object));
  return std::move(walk).result();
}

const std::string& definitions_hash() {
  static const std::string hash = to_hex(as_chars(sha256(to_json(definitions()))));
  return hash;
}

}  // namespace millrace::kube
