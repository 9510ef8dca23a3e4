#pragma once
// The KFP API: finds the operation for a path (net/routes.h) and answers in its form.

#include "net/http.h"
#include "pipelines/api/call.h"

namespace millrace::pipelines::api {

net::Response answer(Context& context, net::Request& request);

}  // namespace millrace::pipelines::api
