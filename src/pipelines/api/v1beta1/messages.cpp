#include <array>

#include <fmt/core.h>

#include "base/encode.h"
#include "base/json.h"
#include "base/strings.h"
#include "pipelines/api/v1beta1/operations.h"
#include "pipelines/v1/workflow.h"

namespace millrace::pipelines::api::v1beta1 {
namespace {

constexpr std::string_view kStorage = "STORAGESTATE_";

// {"predicates": [{"op": 1, "key": "name", "stringValue": "x"}]} with `operation` for `op`.
Result<std::string> filter_of_v2(const std::string& text) {
  auto filter = parse_json(text);
  if (!filter) {
    if (auto decoded = percent_decode(text)) filter = parse_json(*decoded);
  }
  if (!filter || !filter->is_object()) return fail(Code::invalid_argument, "filter: it is not a JSON object");
  Value* predicates = filter->find("predicates");
  if (predicates == nullptr || !predicates->is_array()) return to_json(*filter);
  for (Value& predicate : predicates->as_array()) {
    if (!predicate.is_object()) continue;
    if (const Value* op = predicate.find("op")) {
      Value operation = *op;
      predicate.erase("op");
      predicate.set("operation", std::move(operation));
    }
    for (auto& [name, value] : predicate.as_object()) {
      if (value.is_string() && value.as_string().starts_with(kStorage))
        value = value.as_string().substr(kStorage.size());
    }
  }
  return to_json(*filter);
}

}  // namespace

Inner::Inner(const Call& outer) : request(outer.request), call{request, outer.path, outer.query} {}

Inner::Inner(const Call& outer, const Value& body)
    : request(outer.request), call{request, outer.path, outer.query}, body_(net::body_from_string(to_json(body))) {
  request.body = body_.get();
}

Result<std::vector<std::pair<std::string, std::string>>> list_query(const Call& outer) {
  std::vector<std::pair<std::string, std::string>> query;
  for (const auto& [name, value] : outer.query) {
    if (name == "filter" && !value.empty())
      query.emplace_back(name, MR_TRY(filter_of_v2(value)));
    else if (name == "page_token" || name == "page_size" || name == "sort_by")
      query.emplace_back(name, value);
  }
  return query;
}

Value resource_reference(std::string_view type, std::string_view id, std::string_view relationship,
                         std::string_view name) {
  Value reference = Value::object({{"key", Value::object({{"type", type}, {"id", id}})}});
  reference.set_if(!name.empty(), "name", name);
  return reference.set("relationship", relationship);
}

bool is_type(const Value& given, std::string_view type) {
  // Source: backend/api/v1beta1/resource_reference.proto; 0 is none.
  constexpr std::array<std::string_view, 5> kTypes = {"EXPERIMENT", "JOB", "PIPELINE", "PIPELINE_VERSION", "NAMESPACE"};
  if (given.string_or() == type) return true;
  const auto number = whole_number(given);
  return number && *number >= 1 && static_cast<std::size_t>(*number) <= kTypes.size() &&
         kTypes[static_cast<std::size_t>(*number) - 1] == type;
}

Result<std::string> referenced(const Value& message, std::string_view type) {
  const Value& references = message["resource_references"];
  if (!references.is_null() && !references.is_array())
    return fail(Code::invalid_argument, "resource_references must be a list");
  for (const Value& reference : references.items()) {
    if (is_type(reference["key"]["type"], type)) return reference["key"]["id"].string_or();
  }
  return std::string();
}

std::string storage_state(std::string_view state) { return fmt::format("{}{}", kStorage, state); }

Value declared_parameters(const Value& spec) {
  Value out = Value::array();
  if (v1::is_workflow(spec)) {
    for (const Value& parameter : spec["spec"]["arguments"]["parameters"].items()) {
      Value entry = Value::object({{"name", parameter["name"]}});
      const Value& value = parameter["value"];
      if (!value.is_null()) entry.set("value", value.is_string() ? value.as_string() : to_json(value));
      out.push(std::move(entry));
    }
    return out;
  }
  const Value& root = spec.has("pipeline_spec") ? spec["pipeline_spec"]["root"] : spec["root"];
  for (const auto& [name, parameter] : root["inputDefinitions"]["parameters"].members()) {
    Value entry = Value::object({{"name", name}});
    const Value& value = parameter["defaultValue"];
    if (!value.is_null()) entry.set("value", value.is_string() ? value.as_string() : to_json(value));
    out.push(std::move(entry));
  }
  return out;
}

}  // namespace millrace::pipelines::api::v1beta1
