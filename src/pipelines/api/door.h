#pragma once
// The KFP door: finds the operation for a path and answers in its form.

#include "net/http.h"
#include "pipelines/api/call.h"

namespace millrace::pipelines::api {

net::Response answer(Context& context, net::Request& request);

// Is this path one of the pattern's ("/runs/{id}:archive")? Fills `parameters` with the decoded texts.
bool matches(std::string_view pattern, std::string_view path,
             std::map<std::string, std::string, std::less<>>& parameters);

}  // namespace millrace::pipelines::api
