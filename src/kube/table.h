#pragma once
// The forms in which objects are answered: whole, as the table that `kubectl get` prints (meta.k8s.io/v1 Table), or
// their metadata alone (PartialObjectMetadata).

#include <vector>

#include "kube/resource.h"
#include "net/http.h"

namespace millrace::kube {

enum class Include { none, metadata, object };  // of an object, in a row of a table
struct Form {
  enum class As { whole, table, metadata } as = As::whole;
  Include include = Include::metadata;
  bool shows_objects() const { return as == As::whole || (as == As::table && include == Include::object); }
};
Result<Form> form_of(const net::Request& request);

Value object_as(const Form& form, const Kind& kind, const Value& object, Time now);
// `list_metadata`: resourceVersion, and of a page continue and remainingItemCount.
Value list_as(const Form& form, const Kind& kind, std::vector<Value> objects, const Value& list_metadata, Time now);

}  // namespace millrace::kube
