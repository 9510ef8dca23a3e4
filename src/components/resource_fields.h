#pragma once
// The fields of SageMaker's custom resources as AWS's controller for Kubernetes declares them
// (models/sagemaker-resources.json, by tools/trim_resources.py), and what they become in SageMaker's API and back.

#include <string>
#include <string_view>
#include <vector>

#include "base/value.h"

namespace millrace::components {

// A node of the declared fields: {"type": "object", "fields": {name: node}, "required": […]}, {"type": "array" or
// "map", "items": node}, {"type": "string", "integer", "number", "boolean" or "time"}; "api" where the API's name is
// irregular. `part` is "spec" or "status"; null where the resource has none.
const Value& resource_fields(std::string_view kind, std::string_view part);

// What Kubernetes' API server does with a spec: fields that are not declared are dropped.
struct Pruned {
  Value value;
  std::vector<std::string>
      dropped;  // a sentence for each field: its path, and the name that was meant where one is near
  std::vector<std::string> faults;  // "spec.roleARN: Required value", "… must be of type string: \"integer\""
};
Pruned prune(const Value& fields, const Value& value, const std::string& path);

// A pruned spec as a request of the API.
Value to_api(const Value& fields, const Value& value);
// A description of the API as the controller keeps it: declared fields only, in the order of their names, times as
// "2026-01-02T03:04:05Z".
Value from_api(const Value& fields, const Value& described);

}  // namespace millrace::components
