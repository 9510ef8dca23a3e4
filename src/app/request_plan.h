#pragma once
// How a request is handled, by what its head says: how much of its body is read before its handler starts, and whose
// threads run it. Pure.

#include <cstddef>
#include <vector>

#include "net/server.h"

namespace millrace::app {

// The limits are at least those of the APIs themselves, which refuse in their own words. Streamed are S3's objects,
// whose callers are authenticated and authorised before the first byte is read, and what asks for a token first.
net::RequestPlan request_plan(const net::Request& head);

// How many handlers of each API run at once (ServerOptions::shares, RequestPlan::share).
std::vector<std::size_t> handler_shares();

}  // namespace millrace::app
