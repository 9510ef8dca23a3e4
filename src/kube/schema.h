#pragma once
// The schemas of the kinds that are served: definitions of Kubernetes' own OpenAPI document
// (models/kubernetes/openapi.json), as Values. "A schema" below is one of its schema objects: {"type": …}, or {"$ref":
// …} to a definition.

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/value.h"

namespace millrace::kube {

const Value& definitions();                                             // by name, "io.k8s.api.core.v1.Secret"
const std::string& definitions_hash();                                  // changes with them
const Value& definition(std::string_view name);                         // null: none of that name
const Value& resolved(const Value& schema);                             // behind its reference
const Value* member_schema(const Value& schema, std::string_view key);  // null: no such field; a null Value: any
const Value& item_schema(const Value& schema);
bool takes_anything(const Value& schema);  // an object whose fields are not described

struct FieldCheck {
  std::vector<std::string> unknown;  // paths, "metadata.lables"; taken out of the object
};
// Checks `object` against the definition. Errors: BadRequest for a value of the wrong type, in Go's words.
Result<FieldCheck> check_fields(std::string_view definition_name, Value& object);
// The same of a custom resource, whose values below metadata alone have types at this point. Nulls are taken out as
// well.
Result<FieldCheck> prune_fields(std::string_view definition_name, Value& object);

}  // namespace millrace::kube
