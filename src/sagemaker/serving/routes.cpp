#include "sagemaker/serving/routes.h"

#include <algorithm>

#include <fmt/core.h>

#include "base/strings.h"
#include "sagemaker/serving/async_inference.h"
#include "sagemaker/serving/capture.h"
#include "sagemaker/serving/rollout.h"

namespace millrace::sagemaker {
namespace {

// As errors and TargetContainerHostname have it.
std::string container_name(const Variant& variant) {
  const auto containers = containers_of(variant.model);
  if (containers.size() == 1) return "primary";
  const std::string given = containers.at(variant.container)["ContainerHostname"].string_or();
  return given.empty() ? fmt::format("container-{}", variant.container + 1) : given;
}

std::shared_ptr<const MultiModel> multi_model_of(const Resource& endpoint, const Deployment& deployment,
                                                 const Variant& variant) {
  auto container = served_model(variant.model, variant.container);
  if (!container || !container->multi) return nullptr;
  const Value& setting = containers_of(variant.model).at(variant.container)["MultiModelConfig"]["ModelCacheSetting"];
  return std::make_shared<const MultiModel>(MultiModel{std::move(*container),
                                                       model_directory_of(endpoint, deployment, variant),
                                                       endpoint.origin(), setting.string_or() != "Disabled"});
}

// `share`: of the endpoint's traffic.
void add_targets(const Resource& endpoint, const Deployment& deployment, double share, Route& route) {
  double total = 0;
  for (const auto& variant : deployment.variants) total += variant.container == 0 ? variant.weight : 0;
  for (const auto& variant : deployment.variants) {
    if (variant.container == 0) {
      const bool is_direct = variant.model["InferenceExecutionConfig"]["Mode"].string_or() == "Direct";
      const auto most = static_cast<std::size_t>(variant.serverless["MaxConcurrency"].int_or(0));
      route.targets.push_back({variant.name, {}, is_direct, most});
      route.weights.push_back(total > 0 ? share * variant.weight / total : 0);
    }
    route.targets.back().stages.push_back({variant_id(endpoint, deployment, variant), container_name(variant),
                                           multi_model_of(endpoint, deployment, variant)});
  }
}

// Of the deployment that is being brought up, while an update moves the traffic to it.
double share_of_pending(const Resource& endpoint, const Deployment& deployment, Time now) {
  const std::int64_t begun = endpoint.state["begun"].int_or(0);
  if (begun == 0) return 0;
  const Rollout rollout = rollout_of(endpoint.body["LastDeploymentConfig"], total_instances(deployment));
  return shift_at(rollout, now - from_epoch_ms(begun)).percent / 100;
}

std::shared_ptr<const Route> make_route(const Resource& endpoint, Time now) {
  auto route = std::make_shared<Route>();
  const std::int64_t serving = endpoint.state["serving"].int_or(0), pending = endpoint.state["pending"].int_or(0);
  const auto deployments = deployments_of(endpoint);
  double moved = 0;
  for (const auto& deployment : deployments) {
    if (deployment.number != pending) continue;
    moved = share_of_pending(endpoint, deployment, now);
    if (moved > 0) add_targets(endpoint, deployment, moved, *route);
  }
  for (const auto& deployment : deployments) {
    if (deployment.number != serving) continue;
    if (auto capture = capture_config(deployment.capture); capture && !deployment.variants.empty()) {
      capture->role_arn = deployment.variants.front().model["ExecutionRoleArn"].string_or();
      capture->origin = endpoint.origin();
      route->capture = std::make_shared<const CaptureConfig>(std::move(*capture));
    }
    if (auto async = async_config(deployment.async, total_instances(deployment));
        async && !deployment.variants.empty()) {
      async->role_arn = deployment.variants.front().model["ExecutionRoleArn"].string_or();
      async->origin = endpoint.origin();
      route->async = std::make_shared<const AsyncConfig>(std::move(*async));
    }
    add_targets(endpoint, deployment, 1 - moved, *route);
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

Status Route::Target::check_model(const std::string& endpoint, const std::string& target_model) const {
  const bool multi = stages.front().multi != nullptr;
  if (multi == !target_model.empty()) return {};
  return fail(Code::invalid_argument,
              multi ? fmt::format("Endpoint {} is a multi-model endpoint and requires target model header.", endpoint)
                    : fmt::format("Endpoint {} is not a multi-model endpoint and does not support target model header.",
                                  endpoint),
              "ValidationError");
}

std::string variant_id(const Resource& endpoint, const Deployment& deployment, const Variant& variant) {
  return fmt::format("{}/{}/{}/{}", endpoint.name, to_epoch_ms(endpoint.created), deployment.number, variant.label());
}

Result<Route::Target> Route::choose(const std::string& target_variant, double u) const {
  if (!target_variant.empty()) {
    const auto named = std::ranges::find(targets, target_variant, &Target::variant);
    if (named == targets.end()) {
      return fail(Code::invalid_argument, fmt::format("Variant {} not found for Request", target_variant),
                  "ValidationError");
    }
    std::vector<double> own = weights;  // two have the name while an update moves the traffic
    for (std::size_t i = 0; i < own.size(); ++i) own[i] = targets[i].variant == target_variant ? own[i] : 0;
    const int at = choose_variant(own, u);
    return at < 0 ? *named : targets[static_cast<std::size_t>(at)];
  }
  const int at = choose_variant(weights, u);
  if (at < 0) {
    return fail(Code::invalid_argument, "No variant of the endpoint has a weight above 0.", "ValidationError");
  }
  return targets[static_cast<std::size_t>(at)];
}

void Routes::publish(const Resource& endpoint) {
  auto route = make_route(endpoint, clock_.now());
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
  return make_route(*row, clock_.now());
}

}  // namespace millrace::sagemaker
