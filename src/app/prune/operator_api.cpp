#include "app/prune/operator_api.h"

#include <fmt/core.h>

#include "base/disk_full.h"
#include "base/encode.h"
#include "base/hash.h"
#include "base/json.h"

namespace millrace::app {
namespace {

constexpr std::string_view kRoot = "/millrace/operator/";
constexpr std::size_t kMaxBody = 64u << 10;

int status_of(const Error& error) {
  if (is_disk_full(error)) return kInsufficientStorage;
  switch (error.code) {
    case Code::invalid_argument:
      return 400;
    case Code::unauthenticated:
      return 401;
    case Code::not_found:
      return 404;
    default:
      return 500;
  }
}

}  // namespace

OperatorApi::OperatorApi(Pruner& pruner, std::string_view encryption_key)
    : pruner_(pruner), token_(token_of(encryption_key)) {}

std::string OperatorApi::token_of(std::string_view encryption_key) {
  return to_hex(as_chars(hmac_sha256(encryption_key, "operator API bearer token")));
}

bool OperatorApi::handles(const net::Request& request) { return request.path.starts_with(kRoot); }

net::Response OperatorApi::handle(net::Request& request) {
  const auto answered = answer(request);
  if (answered) return net::Response::json(200, to_json(*answered));
  const Error& error = answered.error();
  return net::Response::json(status_of(error),
                             to_json(Value::object({{"code", code_name(error.code)}, {"message", error.message}})));
}

Result<Value> OperatorApi::answer(net::Request& request) {
  if (!equal_constant_time(request.headers.get("authorization"), "Bearer " + token_))
    return fail(Code::unauthenticated, "this is for who owns the data directory: use `millrace prune`");
  if (request.method != "POST" || request.path != std::string(kRoot) + "prune")
    return fail(Code::not_found, fmt::format("there is no {} {}", request.method, request.path));
  const Value asked = MR_TRY(parse_json(MR_TRY(request.body->read_all(kMaxBody))));
  const Retention retention = MR_TRY(retention_from(asked));
  const bool dry = asked["dry_run"].bool_or(false);
  Pruner::Report report = MR_TRY(pruner_.prune_runs(retention, dry));
  if (asked["orphans"].bool_or(false) && report.left == 0) {
    Pruner::Report orphans = MR_TRY(pruner_.prune_orphans(dry));
    report.bytes += orphans.bytes;
    for (auto& removed : orphans.removed) report.removed.push_back(std::move(removed));
    report.failed.insert(report.failed.end(), orphans.failed.begin(), orphans.failed.end());
  }
  return to_value(report, dry);
}

}  // namespace millrace::app
