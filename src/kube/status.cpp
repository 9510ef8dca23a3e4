#include "kube/status.h"

#include <string_view>

#include "base/disk_full.h"
#include "base/json.h"

namespace millrace::kube {
namespace {

struct Known {
  std::string_view reason;
  int status;
};
constexpr Known kByReason[] = {
    {"Invalid", 422},
    {"MethodNotAllowed", 405},
    {"UnsupportedMediaType", 415},
    {"RequestEntityTooLarge", 413},
    {"NotAcceptable", 406},
    {"Expired", 410},
    {"Timeout", 504},
    {kNoReason, 500},
};

std::string_view reason_of(const Error& error) {
  return std::string_view(error.reason).substr(0, error.reason.find(' '));
}

Known known(const Error& error) {
  for (const Known& entry : kByReason) {
    if (entry.reason == reason_of(error)) return entry;
  }
  if (is_disk_full(error)) return {"InternalError", kInsufficientStorage};
  switch (error.code) {
    case Code::invalid_argument:
      return {"BadRequest", 400};
    case Code::not_found:
      return {"NotFound", 404};
    case Code::already_exists:
      return {"AlreadyExists", 409};
    case Code::aborted:
      return {"Conflict", 409};
    case Code::permission_denied:
      return {"Forbidden", 403};
    case Code::unauthenticated:
      return {"Unauthorized", 401};
    case Code::unimplemented:
      return {"NotImplemented", 501};
    case Code::unavailable:
    case Code::resource_exhausted:
      return {"ServiceUnavailable", 503};
    default:
      return {"InternalError", 500};
  }
}

// Of an overloaded or starting server: clients wait so long, then try again.
constexpr int kRetryAfterSeconds = 1;

Value details_of(const Error& error, const Known& entry) {
  const auto blank = error.reason.find(' ');
  Value details;
  if (blank != std::string::npos) {
    if (auto parsed = parse_json(std::string_view(error.reason).substr(blank + 1))) details = std::move(*parsed);
  }
  if (entry.status == 500) {
    details = Value::object({{"causes", Value::array({Value::object({{"message", error.message}})})}});
  }
  if (entry.status == 503) details.set("retryAfterSeconds", kRetryAfterSeconds);
  return details;
}

}  // namespace

Value status_object(const Error& error) {
  const Known entry = known(error);
  Value status = Value::object({{"kind", "Status"},
                                {"apiVersion", "v1"},
                                {"metadata", Value::object()},
                                {"status", "Failure"},
                                {"message", error.message}});
  if (entry.reason == kNoReason) return status.set("code", entry.status);
  status.set("reason", entry.reason);
  Value details = details_of(error, entry);
  if (details.is_object()) status.set("details", std::move(details));
  return status.set("code", entry.status);
}

net::Response object(int status, const Value& value) { return net::Response::json(status, to_json(value)); }

net::Response failure(const Error& error) {
  const Known entry = known(error);
  net::Response response = object(entry.status, status_object(error));
  const Value details = details_of(error, entry);
  if (details.has("retryAfterSeconds"))
    response.headers.set("Retry-After", std::to_string(details.at("retryAfterSeconds").int_or(kRetryAfterSeconds)));
  return response;
}

}  // namespace millrace::kube
