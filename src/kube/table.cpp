#include "kube/table.h"

namespace millrace::kube {

Value table_of(const Resource& resource, const std::vector<Value>& objects, Include include,
               const std::string& resource_version, Time now) {
  Value columns = Value::array();
  const auto add = [&](const Column& column) {
    columns.push(Value::object({{"name", column.name},
                                {"type", column.type},
                                {"format", column.format},
                                {"description", ""},
                                {"priority", column.priority}}));
  };
  for (const Column& column : resource.description().columns) add(column);
  if (resource.description().kind != "Event") add({.name = "Age"});
  Value rows = Value::array();
  for (const Value& object : objects) {
    Value row = Value::object({{"cells", resource.cells(object, now)}});
    if (include == Include::object) row.set("object", object);
    if (include == Include::metadata) {
      row.set("object", Value::object({{"kind", "PartialObjectMetadata"},
                                       {"apiVersion", "meta.k8s.io/v1"},
                                       {"metadata", object.at("metadata")}}));
    }
    rows.push(std::move(row));
  }
  return Value::object({{"kind", "Table"},
                        {"apiVersion", "meta.k8s.io/v1"},
                        {"metadata", Value::object({{"resourceVersion", resource_version}})},
                        {"columnDefinitions", std::move(columns)},
                        {"rows", std::move(rows)}});
}

}  // namespace millrace::kube
