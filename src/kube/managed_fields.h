#pragma once
// metadata.managedFields: which client owns which field of an object, and what follows for those who apply (Kubernetes,
// "Server-Side Apply").

#include <string>

#include "kube/resource.h"

namespace millrace::kube {

struct Writer {
  std::string manager;
  Time now{};
};

// After a create (`present` null), a replace or a patch: the writer owns what it changed.
void note_update(const Kind& kind, const Value* present, Value& object, const Writer& writer);

// What `applied` makes of `present` (null: there is none). Errors: Conflict with a cause for each field of another's
// that it would change, unless `force`.
Result<Value> apply(const Kind& kind, const Value& present, const Value& applied, const Writer& writer, bool force);

}  // namespace millrace::kube
