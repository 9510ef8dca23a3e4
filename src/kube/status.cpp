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
    {"Invalid", 422}, {"MethodNotAllowed", 405}, {"UnsupportedMediaType", 415}, {"RequestEntityTooLarge", 413},
    {"Expired", 410},
};

Known known(const Error& error) {
  for (const Known& entry : kByReason) {
    if (entry.reason == error.reason) return entry;
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

}  // namespace

Value status_object(const Error& error) {
  const Known entry = known(error);
  return Value::object({{"kind", "Status"},
                        {"apiVersion", "v1"},
                        {"metadata", Value::object()},
                        {"status", "Failure"},
                        {"message", error.message},
                        {"reason", entry.reason},
                        {"code", entry.status}});
}

net::Response object(int status, const Value& value) { return net::Response::json(status, to_json(value)); }

net::Response failure(const Error& error) { return object(known(error).status, status_object(error)); }

}  // namespace millrace::kube
