#pragma once
// How much of a request's body is read before its handler starts, by what the head says. Pure.

#include "net/server.h"

namespace millrace::app {

// The limits are at least those of the APIs themselves, which refuse in their own words. Streamed are S3's objects,
// whose callers are authenticated and authorised before the first byte is read, and what asks for a token first.
net::BodyPlan body_plan(const net::Request& head);

}  // namespace millrace::app
