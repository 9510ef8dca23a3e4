#pragma once
// One port, many APIs: which one a request is for. Pure, so that a table can test it.

#include <string_view>

#include "net/http.h"

namespace millrace::app {

enum class Api { container_credentials, identity, aws, pipelines, kubernetes, console, refused };

// `refused_because` is set with Api::refused: a browser page of another origin, or a host name that is not ours (DNS
// rebinding), on the APIs that ask for no signature.
Api route(const net::Request& request, bool listens_on_loopback, bool is_console, std::string_view& refused_because);

// What is not the console's page is shown by a browser, but never runs as a page of this server's origin: objects,
// artifacts and logs are what others wrote. The page has a policy of its own, which stays.
void set_browser_headers(net::Response& response);

}  // namespace millrace::app
