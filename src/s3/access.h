#pragma once
// Objects for the services in this process.

#include <memory>
#include <optional>

#include "aws/gateway.h"
#include "s3/s3.h"
#include "s3/store.h"

namespace millrace::s3 {

// With a gateway every call is authorised for `principal`; without one (the server's own) nothing is asked.
std::unique_ptr<Access> make_access(Store& store, aws::Gateway* gateway, aws::Principal principal);

}  // namespace millrace::s3
