#pragma once
// Lists: resource versions, pages, selectors (Kubernetes API concepts, "Resource versions" and "Retrieving large
// results sets in chunks").

#include "kube/resource.h"
#include "kube/selector.h"
#include "net/http.h"

namespace millrace::kube {

Result<Selector> selector_of(const Kind& kind, const net::Request& request);
// The resourceVersion parameter; 0: none, or any. Errors: BadRequest.
Result<std::int64_t> version_of(const net::Request& request);
Result<net::Response> list(Resource& resource, const std::string& name_space, const net::Request& request, Time now);

}  // namespace millrace::kube
