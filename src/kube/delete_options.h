#pragma once
// DeleteOptions of a request's body and query.

#include <string>

#include "kube/resource.h"
#include "net/http.h"

namespace millrace::kube {

struct DeleteOptions {
  bool dry_run = false;
  std::string uid, resource_version;  // preconditions; empty: any
};
Result<DeleteOptions> delete_options(net::Request& request);
// Errors: Conflict.
Status check_preconditions(const Kind& kind, const Value& present, const DeleteOptions& options);

}  // namespace millrace::kube
