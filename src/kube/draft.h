#pragma once
// From what a client sends to an object that may be stored: type, fields, metadata, and what its kind asks.

#include <string>
#include <vector>

#include "kube/request.h"
#include "kube/resource.h"

namespace millrace::kube {

// Unknown fields are taken out; they are a warning, or with strict validation refused. Sets the type and the namespace.
Status check_draft(const Kind& kind, const std::string& name_space, FieldValidation mode, Value& object,
                   std::vector<std::string>& warnings);
// The same for the outcome of a patch.
Status check_patched(const Kind& kind, const std::string& patch, FieldValidation mode, Value& object,
                     std::vector<std::string>& warnings);

// What a client sends in place of an object that is there: all of it, or what a patch or an apply made of it.
enum class Sent { whole, patch };
// Which part of a custom resource is written: all but its status, or that alone. Of other kinds there is one part.
enum class Part { main, status };
Result<Value> changed(const Kind& kind, const Value& present, Value wanted, Sent sent, Part part);

// Fills in defaults and refuses what Kubernetes refuses. `present` null: the object is new.
Status admit(const Kind& kind, Value& object, const Value* present);

}  // namespace millrace::kube
