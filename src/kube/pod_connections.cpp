#include "kube/pod_connections.h"

#include <algorithm>

#include <fmt/core.h>

#include "base/strings.h"
#include "kube/pod_view.h"

namespace millrace::kube {
namespace {

struct Row {
  std::string_view subresource;
  bool names_a_container;  // in the query
  bool upgrades;           // the connection becomes one of streams
  std::string_view because;
};
constexpr Row kRows[] = {
    {"exec", true, true, "no command is run beside a step; `kubectl logs` has what the step writes"},
    {"attach", true, true, "nobody is connected to a step; `kubectl logs -f` follows what it writes"},
    {"portforward", false, true, "a step accepts no connections from outside"},
    {"proxy", false, false, "a step accepts no connections from outside"},
    {"ephemeralcontainers", false, false, "a step gets no containers but its own"},
    {"eviction", false, false, "`kubectl delete pod` stops a step"},
};

const Row* row_of(std::string_view subresource) {
  const auto* row = std::ranges::find(kRows, subresource, &Row::subresource);
  return row == std::end(kRows) ? nullptr : row;
}

bool is_upgrade(const net::Request& request) {
  return to_lower(request.headers.get("Connection")).find("upgrade") != std::string::npos;
}

}  // namespace

bool is_of_containers(std::string_view subresource) { return row_of(subresource) != nullptr; }

Error refuse_connection(const Pod& pod, std::string_view subresource, const net::Request& request) {
  const Row& row = *row_of(subresource);
  const std::string& name = pod.task.pod_name;
  const std::string container = net::query_parameter(request, "container").value_or("");
  if (row.names_a_container && !container.empty() && container != kContainer)
    return bad_request(fmt::format("container {} is not valid for pod {}", container, name));
  if (row.upgrades && !is_upgrade(request)) return bad_request("Upgrade request required");
  return forbidden("pods", name, fmt::format("{} is not served here: {}", subresource, row.because));
}

}  // namespace millrace::kube
