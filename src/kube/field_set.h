#pragma once
// Sets of fields of an object, for server-side apply: who owns what (FieldsV1 of metadata.managedFields; the steps of a
// path are written as there: "f:data", "k:{\"name\":\"a\"}", "v:\"x\"").

#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/value.h"

namespace millrace::kube {

using FieldPath = std::vector<std::string>;
using FieldSet = std::set<FieldPath>;

Value to_fields_v1(const FieldSet& fields);
FieldSet from_fields_v1(const Value& fields);
std::string readable(const FieldPath& path);  // ".data.a", ".secrets[name=\"x\"]"

// The fields of an object, down to what has one owner: values, and lists and maps that are atomic. `maps`: a map itself
// is one of them too, as for those who create or update it, but not for those who apply.
std::map<FieldPath, Value> fields_of(const Value& schema, const Value& object, bool maps);

// What a client applies, laid over what is there. Nulls are no fields.
Value merged(const Value& schema, const Value& live, const Value& applied);
void remove_field(Value& object, const FieldPath& path);

}  // namespace millrace::kube
