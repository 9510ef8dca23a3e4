#include "kube/table.h"

#include <algorithm>

#include <fmt/core.h>

#include "base/strings.h"

namespace millrace::kube {
namespace {

Value metadata_of(const Value& object) {
  return Value::object(
      {{"kind", "PartialObjectMetadata"}, {"apiVersion", "meta.k8s.io/v1"}, {"metadata", object.at("metadata")}});
}

Value table_of(const Form& form, const Kind& kind, const std::vector<Value>& objects, const Value& metadata, Time now) {
  Value columns = Value::array();
  for (const Column& column : kind.columns) {
    columns.push(Value::object({{"name", column.name},
                                {"type", column.type},
                                {"format", column.format},
                                {"description", ""},
                                {"priority", column.priority}}));
  }
  Value rows = Value::array();
  for (const Value& object : objects) {
    Value row = Value::object({{"cells", kind.cells(object, now)}});
    if (form.include == Include::object) row.set("object", object);
    if (form.include == Include::metadata) row.set("object", metadata_of(object));
    rows.push(std::move(row));
  }
  return Value::object({{"kind", "Table"},
                        {"apiVersion", "meta.k8s.io/v1"},
                        {"metadata", metadata},
                        {"columnDefinitions", std::move(columns)},
                        {"rows", std::move(rows)}});
}

// Clients of YAML, protobuf and CBOR read JSON as well.
bool accepts_an_object(std::string_view accept) {
  static constexpr std::string_view kTypes[] = {"*/*", "application/"};
  if (trim(accept).empty()) return true;
  return std::ranges::any_of(split(accept, ','), [](std::string_view part) {
    return std::ranges::any_of(kTypes, [&](std::string_view type) { return trim(part).starts_with(type); });
  });
}

Result<Include> include_of(const net::Request& request) {
  const std::string text = net::query_parameter(request, "includeObject").value_or("");
  if (text == "None") return Include::none;
  if (text == "Metadata" || text.empty()) return Include::metadata;
  if (text == "Object") return Include::object;
  FieldErrors errors;
  errors.invalid("includeObject", text, "must be 'Metadata', 'Object', 'None', or empty");
  return fail(errors.status("TableOptions.meta.k8s.io", "").error());
}

}  // namespace

Result<Form> form_of(const net::Request& request) {
  const auto accept = request.headers.get("Accept");
  if (!accepts_an_object(accept)) {
    return fail(refusal(Code::invalid_argument, "NotAcceptable",
                        "406: Not Acceptable\n\nAvailable representations: application/json", Value::object()));
  }
  const auto asks = [&](std::string_view what) { return accept.find(what) != std::string_view::npos; };
  Form form;
  if (asks("as=Table")) form = {Form::As::table, MR_TRY(include_of(request))};
  if (form.as == Form::As::whole && asks("as=PartialObjectMetadata")) form.as = Form::As::metadata;
  return form;
}

Value object_as(const Form& form, const Kind& kind, const Value& object, Time now) {
  if (form.as == Form::As::metadata) return metadata_of(object);
  if (form.as == Form::As::whole) return object;
  return table_of(form, kind, {object},
                  Value::object({{"resourceVersion", object.at("metadata").at("resourceVersion")}}), now);
}

Value list_as(const Form& form, const Kind& kind, std::vector<Value> objects, const Value& list_metadata, Time now) {
  if (form.as == Form::As::table) return table_of(form, kind, objects, list_metadata, now);
  const bool partial = form.as == Form::As::metadata;
  for (Value& object : objects) {
    if (partial) object = metadata_of(object);
    if (partial || kind.is_custom) continue;
    object.erase("kind");  // the list's says it; items of custom resources say it each
    object.erase("apiVersion");
  }
  return Value::object({{"kind", partial ? "PartialObjectMetadataList" : kind.kind + "List"},
                        {"apiVersion", partial ? "meta.k8s.io/v1" : kind.api_version()},
                        {"metadata", list_metadata},
                        {"items", Value(std::move(objects))}});
}

}  // namespace millrace::kube
