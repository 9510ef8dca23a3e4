#pragma once
// What would connect to a pod's container, or change what runs in it: exec, attach, port-forward, debug. None of it is
// served. A request is checked as an API server checks it, and then refused for what it is.

#include <string>
#include <string_view>

#include "kube/pods.h"
#include "net/http.h"

namespace millrace::kube {

bool is_of_containers(std::string_view subresource);
// `subresource`: one of those. BadRequest for what an API server refuses as well; otherwise Forbidden.
Error refuse_connection(const Pod& pod, std::string_view subresource, const net::Request& request);

}  // namespace millrace::kube
