#include <algorithm>
#include <array>

#include <fmt/core.h>

#include "pipelines/api/operations.h"

namespace millrace::pipelines::api {

// May the caller do this? There is one user here, who may; a question that is no question is refused as upstream does.
// Source: kubeflow/pipelines backend/api/v2beta1/auth.proto.
Result<Value> authorize(Context&, const Call& call) {
  constexpr std::array<std::string_view, 1> kResources = {"VIEWERS"};
  constexpr std::array<std::string_view, 3> kVerbs = {"CREATE", "GET", "DELETE"};
  const std::string resource = call.parameter("resources"), verb = call.parameter("verb");
  if (call.parameter("namespace").empty())
    return fail(Code::invalid_argument, "the query parameter namespace is missing");
  if (std::find(kResources.begin(), kResources.end(), resource) == kResources.end())
    return fail(Code::invalid_argument, fmt::format("resources must be VIEWERS, not \"{}\"", resource));
  if (std::find(kVerbs.begin(), kVerbs.end(), verb) == kVerbs.end())
    return fail(Code::invalid_argument, fmt::format("verb must be CREATE, GET or DELETE, not \"{}\"", verb));
  return Value::object();
}

}  // namespace millrace::pipelines::api
