#pragma once
// A row of an API's table of operations, and how it is answered: the same for v2beta1 and v1beta1.

#include <optional>
#include <string_view>

#include "base/json.h"
#include "net/routes.h"
#include "pipelines/api/access.h"
#include "pipelines/api/call.h"

namespace millrace::pipelines::api {

struct Route {
  std::string_view method, pattern;
  Result<Value> (*operation)(Context&, const Call&);
  Access access;  // who may use it
  bool plain_errors = false;
};

// `path` begins behind the API's prefix. nullopt: no row is for it; `other_method` then says whether one has this
// address and another method.
template <class Table>
std::optional<net::Response> answer_from(const Table& table, Context& context, Call& call, std::string_view path,
                                         bool& other_method) {
  const Route* route = net::find_route(table, call.request.method, path, call.path, other_method);
  if (route == nullptr) return std::nullopt;
  const Status allowed = check_access(context, route->access, call);
  const auto message = allowed ? route->operation(context, call) : Result<Value>(fail(allowed.error()));
  if (message) return net::Response::json(200, to_json(*message));
  return route->plain_errors ? plain_error_response(message.error()) : error_response(message.error());
}

// Where no row is for an address.
net::Response no_route(const net::Request& request, bool other_method);

}  // namespace millrace::pipelines::api
