#pragma once
// Answers of the Kubernetes API: objects, and the Status object of every failure (Kubernetes API conventions, "Response
// Status Kind").

#include <string>
#include <string_view>

#include "base/result.h"
#include "base/value.h"
#include "net/http.h"

namespace millrace::kube {

// Error::reason of a failure (500) to which an API server gives neither a reason nor details.
inline constexpr std::string_view kNoReason = "Unknown";

// Failures that base's codes do not name carry their Kubernetes reason in Error::reason: "Invalid" (422),
// "MethodNotAllowed" (405), "UnsupportedMediaType" (415), "RequestEntityTooLarge" (413), "Expired" (410), "Timeout"
// (504), "NotAcceptable" (406). See refusal.h for their details.
Value status_object(const Error& error);
net::Response failure(const Error& error);
net::Response object(int status, const Value& value);

}  // namespace millrace::kube
