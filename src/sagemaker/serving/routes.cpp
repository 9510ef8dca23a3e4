#include "sagemaker/serving/routes.h"

#include <fmt/core.h>

#include "base/strings.h"

namespace millrace::sagemaker {
namespace {

std::shared_ptr<const Route> make_route(const Resource& endpoint) {
  auto route = std::make_shared<Route>();
  const std::int64_t serving = endpoint.state["serving"].int_or(0);
  for (const auto& deployment : deployments_of(endpoint)) {
    if (deployment.number != serving) continue;
    for (const auto& variant : deployment.variants) {
      route->targets.push_back({variant.name, variant_id(endpoint, deployment, variant)});
      route->weights.push_back(variant.weight);
    }
  }
  return route;
}

}  // namespace

std::string variant_id(const Resource& endpoint, const Deployment& deployment, const Variant& variant) {
  return fmt::format("{}/{}/{}/{}", endpoint.name, to_epoch_ms(endpoint.created), deployment.number, variant.name);
}

Result<Route::Target> Route::choose(const std::string& target_variant, double u) const {
  if (!target_variant.empty()) {
    for (const auto& target : targets) {
      if (target.variant == target_variant) return target;
    }
    return fail(Code::invalid_argument, fmt::format("Variant {} not found for Request", target_variant),
                "ValidationError");
  }
  const int at = choose_variant(weights, u);
  if (at < 0) {
    return fail(Code::invalid_argument, "No variant of the endpoint has a weight above 0.", "ValidationError");
  }
  return targets[static_cast<std::size_t>(at)];
}

void Routes::publish(const Resource& endpoint) {
  auto route = make_route(endpoint);
  const MutexLock lock(mutex_);
  routes_[to_lower(endpoint.name)] = std::move(route);
}

void Routes::withdraw(const std::string& endpoint) {
  const MutexLock lock(mutex_);
  routes_.erase(to_lower(endpoint));
}

Result<std::shared_ptr<const Route>> Routes::find(const std::string& endpoint) {
  {
    const MutexLock lock(mutex_);
    if (const auto found = routes_.find(to_lower(endpoint)); found != routes_.end()) return found->second;
  }
  const auto row = MR_TRY(store_.find(Kind::endpoint, endpoint));
  if (!row || row->status == "Deleting" || row->state["serving"].int_or(0) == 0) {
    return fail(Code::invalid_argument, fmt::format("Endpoint {} of account {} not found.", endpoint, account_),
                "ValidationError");
  }
  return make_route(*row);
}

}  // namespace millrace::sagemaker
