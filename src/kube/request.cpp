#include "kube/request.h"

#include <algorithm>

#include <fmt/core.h>

#include "base/json.h"
#include "base/strings.h"
#include "base/yaml.h"
#include "kube/protobuf.h"
#include "kube/refusal.h"
#include "kube/status.h"

namespace millrace::kube {
namespace {

constexpr std::size_t kMaxManagerBytes = 128;

}  // namespace

std::string media_type(const net::Request& request) {
  const auto whole = request.headers.get("Content-Type");
  return to_lower(trim(whole.substr(0, whole.find(';'))));
}

Result<std::string> read_body(net::Request& request) {
  auto body = request.body->read_all(kMaxObjectBytes);
  if (!body && body.error().code == Code::resource_exhausted) {
    return fail(refusal(Code::invalid_argument, "RequestEntityTooLarge",
                        fmt::format("Request entity too large: limit is {}", kMaxObjectBytes), Value::object()));
  }
  return body;
}

Result<Value> parse_object(const net::Request& request, const std::string& text) {
  const std::string type = media_type(request);
  Value object;
  if (type.empty() || type == "application/json") {
    object = MR_TRY(parse_json(text));
  } else if (type == "application/yaml" || type == "application/apply-patch+yaml") {
    object = MR_TRY(parse_yaml(text));
  } else if (type == kProtobufMediaType) {
    object = MR_TRY(from_protobuf(text));
  } else {
    return fail(Code::invalid_argument,
                "the body of the request was in an unknown format - accepted media types include: application/json, "
                "application/yaml, application/vnd.kubernetes.protobuf",
                "UnsupportedMediaType");
  }
  if (!object.is_object()) return fail(bad_request("the request's body is not an object"));
  return object;
}

bool flag(const net::Request& request, std::string_view name) {
  const auto value = net::query_parameter(request, name);
  return value && *value != "0" && to_lower(*value) != "false";
}

Result<WriteOptions> write_options(const net::Request& request, const std::string& kind, bool apply) {
  WriteOptions options;
  FieldErrors errors;
  const std::string named = net::query_parameter(request, "fieldManager").value_or("");
  if (apply && named.empty()) errors.required("fieldManager", "is required for apply patch");
  if (named.size() > kMaxManagerBytes) errors.too_long("fieldManager", kMaxManagerBytes);
  options.force = flag(request, "force");
  if (!apply && options.force) errors.forbidden("force", "may not be specified for non-apply patch");
  const std::string dry = net::query_parameter(request, "dryRun").value_or("");
  options.dry_run = dry == "All";
  if (!dry.empty() && !options.dry_run) errors.unsupported("dryRun", Value::array({dry}), {"All"});
  const std::string fields = net::query_parameter(request, "fieldValidation").value_or("");
  if (fields == "Strict") options.fields = FieldValidation::strict;
  if (fields == "Ignore") options.fields = FieldValidation::ignore;
  if (!fields.empty() && fields != "Strict" && fields != "Ignore" && fields != "Warn")
    errors.unsupported("fieldValidation", fields, {"", "Ignore", "Strict", "Warn"});
  MR_TRY(errors.status(kind + ".meta.k8s.io", ""));
  const auto agent = request.headers.get("User-Agent");
  options.manager = named.empty() ? std::string(agent.substr(0, agent.find('/')).substr(0, kMaxManagerBytes)) : named;
  return options;
}

net::Response answer(int status, const Value& value, const std::vector<std::string>& warnings) {
  net::Response response = object(status, value);
  for (const auto& warning : warnings)
    response.headers.add("Warning",
                         fmt::format("299 - \"{}\"", replace_all(replace_all(warning, "\\", "\\\\"), "\"", "\\\"")));
  return response;
}

}  // namespace millrace::kube
