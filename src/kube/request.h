#pragma once
// What the requests that write have in common: bodies, options, warnings.

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/value.h"
#include "net/http.h"

namespace millrace::kube {

inline constexpr std::size_t kMaxObjectBytes = 3u << 20;  // as the API server's limit on a request body

std::string media_type(const net::Request& request);  // of the body, in lower case
Result<std::string> read_body(net::Request& request);
// An object as JSON, YAML or protobuf, by the request's media type.
Result<Value> parse_object(const net::Request& request, const std::string& text);

enum class FieldValidation { ignore, warn, strict };
struct WriteOptions {
  bool dry_run = false;
  FieldValidation fields = FieldValidation::warn;
  std::string manager;  // who owns what is written: fieldManager, else the beginning of the User-Agent
  bool force = false;   // of server-side apply
};
// `kind`: "CreateOptions", "UpdateOptions", "PatchOptions". Errors: Invalid.
Result<WriteOptions> write_options(const net::Request& request, const std::string& kind, bool apply = false);

// The query's boolean parameter: true unless it is absent, "0" or "false", as the API server reads it (clients in
// Python send "True").
bool flag(const net::Request& request, std::string_view name);

net::Response answer(int status, const Value& value, const std::vector<std::string>& warnings = {});

}  // namespace millrace::kube
