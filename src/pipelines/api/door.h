#pragma once
// The KFP door: finds the operation for a path and answers in its form.

#include "net/http.h"
#include "pipelines/api/call.h"

namespace millrace::pipelines::api {

net::Response answer(Context& context, net::Request& request);

}  // namespace millrace::pipelines::api
