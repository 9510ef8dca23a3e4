#include "app/identity/api.h"

#include <fmt/core.h>

#include "app/identity/explanation.h"
#include "base/encode.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/strings.h"

namespace millrace::app {
namespace {

constexpr std::string_view kRoot = "/millrace/identity/";
constexpr std::size_t kMostDecisions = 200;
constexpr std::size_t kMaxBody = 64u << 20;  // a pipeline

int status_of(Code code) {
  switch (code) {
    case Code::invalid_argument:
      return 400;
    case Code::unauthenticated:
      return 401;
    case Code::not_found:
      return 404;
    case Code::failed_precondition:
      return 412;
    case Code::unimplemented:
      return 501;
    default:
      return 500;
  }
}

}  // namespace

IdentityApi::IdentityApi(iam::Iam& iam, pipelines::Pipelines& pipelines, Preflight& preflight,
                         std::string_view encryption_key)
    : iam_(iam), pipelines_(pipelines), preflight_(preflight), token_(token_of(encryption_key)) {}

std::string IdentityApi::token_of(std::string_view encryption_key) {
  return to_hex(as_chars(hmac_sha256(encryption_key, "identity door bearer token")));
}

bool IdentityApi::handles(const net::Request& request) { return request.path.starts_with(kRoot); }

net::Response IdentityApi::handle(net::Request& request) {
  const auto answered = answer(request);
  if (answered) return net::Response::json(200, to_json(*answered));
  const Error& error = answered.error();
  return net::Response::json(status_of(error.code),
                             to_json(Value::object({{"code", code_name(error.code)}, {"message", error.message}})));
}

Result<Value> IdentityApi::answer(net::Request& request) {
  if (!equal_constant_time(request.headers.get("authorization"), "Bearer " + token_))
    return fail(Code::unauthenticated, "this API is for the owner of the data directory: use `millrace iam`");
  const auto words = split(std::string_view(request.path).substr(kRoot.size()), '/');
  const std::string verb = request.method + " " + std::string(words[0]);
  if (verb == "GET decisions" && words.size() == 1) return decisions(request);
  if (verb == "POST preflight" && words.size() == 1)
    return preflight_.answer(MR_TRY(parse_json(MR_TRY(request.body->read_all(kMaxBody)))));
  if (words.size() == 3 && words[0] == "runs") {
    const std::string run(words[1]);
    if (request.method == "GET" && words[2] == "policies") return policies(run);
    if (request.method == "POST" && words[2] == "verify") return verify(run);
  }
  return fail(Code::not_found, fmt::format("there is no {} {}", request.method, request.path));
}

Result<Value> IdentityApi::decisions(const net::Request& request) {
  const auto parameter = [&](std::string_view name) { return net::query_parameter(request, name).value_or(""); };
  iam::Decisions::Query query;
  query.request_id = parameter("request_id");
  query.run = parameter("run");
  query.denied_only = parameter("denied") == "true";
  if (const std::string limit = parameter("limit"); !limit.empty()) {
    const auto number = parse_int(limit);
    if (!number || *number < 1 || *number > static_cast<std::int64_t>(kMostDecisions))
      return fail(Code::invalid_argument, fmt::format("limit is a number from 1 to {}", kMostDecisions));
    query.limit = static_cast<std::size_t>(*number);
  }
  Value list = Value::array();
  for (const auto& past : iam_.decisions().find(query)) list.push(explanation(*past));
  return Value::object({{"decisions", std::move(list)}});
}

Result<Value> IdentityApi::policies(const std::string& run_id) {
  MR_TRY(pipelines_.run(run_id));  // not_found
  const auto of_run = MR_TRY(iam_.run_calls().calls_of(run_id));
  Value principals = Value::array();
  for (iam::PrincipalPolicy& policy : iam::smallest_policies(of_run.calls)) {
    Value calls = Value::array();
    for (const iam::UsedPermission& used : of_run.calls) {
      if (used.principal != policy.principal) continue;
      Value call = Value::object({{"action", used.action}, {"resource", used.resource}});
      if (!used.passed_to.empty()) call.set("passed_to", used.passed_to);
      calls.push(std::move(call));
    }
    principals.push(Value::object({{"principal", policy.principal},
                                   {"document", std::move(policy.document)},
                                   {"bytes", static_cast<std::int64_t>(policy.bytes)},
                                   {"calls", std::move(calls)}}));
  }
  return Value::object({{"run_id", run_id}, {"complete", of_run.complete}, {"principals", std::move(principals)}});
}

Result<Value> IdentityApi::verify(const std::string& run_id) {
  const pipelines::RunView run = MR_TRY(pipelines_.run(run_id));
  if (run.state != "SUCCEEDED") {
    return fail(Code::failed_precondition,
                fmt::format("the run {} is {}: only one that succeeded shows what it needs", run_id, run.state));
  }
  std::map<std::string, std::string> documents;
  for (const iam::PrincipalPolicy& policy : iam::smallest_policies(MR_TRY(iam_.run_calls().calls_of(run_id)).calls))
    documents.emplace(policy.principal, to_json(policy.document));
  if (documents.empty()) {
    return fail(Code::failed_precondition,
                fmt::format("the run {} made no call that needed a policy, so there is nothing to verify", run_id));
  }
  const std::string name = run.display_name + " (least privilege)";
  return Value::object({{"run_id", MR_TRY(pipelines_.run_again(run_id, name, [&](const std::string& id) {
                           return iam_.run_calls().limit(id, documents);
                         }))}});
}

}  // namespace millrace::app
