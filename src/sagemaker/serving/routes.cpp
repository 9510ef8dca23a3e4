#include "sagemaker/serving/routes.h"

#include <fmt/core.h>

#include "base/strings.h"
#include "sagemaker/serving/capture.h"

namespace millrace::sagemaker {
namespace {

// As errors and TargetContainerHostname have it.
std::string container_name(const Variant& variant) {
  const auto containers = containers_of(variant.model);
  if (containers.size() == 1) return "primary";
  const std::string given = containers.at(variant.container)["ContainerHostname"].string_or();
  return given.empty() ? fmt::format("container-{}", variant.container + 1) : given;
}

std::shared_ptr<const Route> make_route(const Resource& endpoint) {
  auto route = std::make_shared<Route>();
  const std::int64_t serving = endpoint.state["serving"].int_or(0);
  for (const auto& deployment : deployments_of(endpoint)) {
    if (deployment.number != serving) continue;
    if (auto capture = capture_config(deployment.capture); capture && !deployment.variants.empty()) {
      capture->role_arn = deployment.variants.front().model["ExecutionRoleArn"].string_or();
      capture->origin = endpoint.origin();
      route->capture = std::make_shared<const CaptureConfig>(std::move(*capture));
    }
    for (const auto& variant : deployment.variants) {
      if (variant.container == 0) {
        const bool is_direct = variant.model["InferenceExecutionConfig"]["Mode"].string_or() == "Direct";
        route->targets.push_back({variant.name, {}, is_direct});
        route->weights.push_back(variant.weight);
      }
      route->targets.back().stages.push_back({variant_id(endpoint, deployment, variant), container_name(variant)});
    }
  }
  return route;
}

}  // namespace

Status Route::Target::narrow(const std::string& container) {
  if (is_direct && container.empty()) {
    return fail(Code::invalid_argument,
                "Invocations of an endpoint whose containers are invoked directly must name one of them as "
                "TargetContainerHostname.",
                "ValidationError");
  }
  if (container.empty()) return {};
  if (!is_direct) {
    return fail(Code::invalid_argument,
                "TargetContainerHostname is for endpoints whose containers are invoked directly.", "ValidationError");
  }
  std::erase_if(stages, [&](const Stage& stage) { return stage.container != container; });
  if (!stages.empty()) return {};
  return fail(Code::invalid_argument, fmt::format("The endpoint has no container {}.", container), "ValidationError");
}

std::string variant_id(const Resource& endpoint, const Deployment& deployment, const Variant& variant) {
  return fmt::format("{}/{}/{}/{}", endpoint.name, to_epoch_ms(endpoint.created), deployment.number, variant.label());
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
