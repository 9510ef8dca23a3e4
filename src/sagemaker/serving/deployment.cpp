#include "sagemaker/serving/deployment.h"

#include <algorithm>

#include <fmt/core.h>

#include "base/strings.h"

namespace millrace::sagemaker {
namespace {

constexpr std::string_view kKeyPrefix = "sagemaker/endpoint/";
constexpr Millis kFirstDelay{50}, kLongestDelay{10'000};

Value to_value(const Deployment& deployment) {
  Value variants = Value::array();
  for (const auto& v : deployment.variants) {
    Value variant = Value::object({{"name", v.name},
                                   {"container", v.container},
                                   {"weight", v.weight},
                                   {"instances", v.instances},
                                   {"model", v.model},
                                   {"attempt", v.attempt},
                                   {"start_limit", v.start_limit.count()}});
    variants.push(std::move(variant.set_if(!v.serverless.is_null(), "serverless", v.serverless)));
  }
  Value out = Value::object({{"config", deployment.config}, {"variants", std::move(variants)}});
  if (!deployment.capture.is_null()) out.set("capture", deployment.capture);
  if (!deployment.async.is_null()) out.set("async", deployment.async);
  return out;
}

}  // namespace

std::string Variant::label() const { return container == 0 ? name : fmt::format("{}.{}", name, container); }

bool is_multi_model(const Value& container) { return container["Mode"].string_or() == "MultiModel"; }

std::string directory_of(const Resource& endpoint) {
  return fmt::format("endpoint/{}-{}", to_lower(endpoint.name), to_epoch_ms(endpoint.created));
}

std::string model_directory_of(const Resource& endpoint, const Deployment& deployment, const Variant& variant) {
  return fmt::format("{}/{}/{}/model", directory_of(endpoint), deployment.number, variant.label());
}

std::vector<Value> containers_of(const Value& model) {
  if (model["Containers"].empty()) return {model["PrimaryContainer"]};
  const auto items = model["Containers"].items();
  return {items.begin(), items.end()};
}

std::vector<Deployment> deployments_of(const Resource& endpoint) {
  std::vector<Deployment> deployments;
  for (const auto& [number, value] : endpoint.state["deployments"].members()) {
    Deployment deployment;
    deployment.number = parse_int(number).value_or(0);
    deployment.config = value["config"].string_or();
    deployment.capture = value["capture"];
    deployment.async = value["async"];
    for (const auto& v : value["variants"].items()) {
      deployment.variants.push_back({v["name"].string_or(), v["weight"].double_or(1), v["instances"].int_or(1),
                                     v["model"], v["attempt"].int_or(1), Millis(v["start_limit"].int_or(0)),
                                     static_cast<std::size_t>(v["container"].int_or(0)), v["serverless"]});
    }
    deployments.push_back(std::move(deployment));
  }
  return deployments;
}

void put_deployment(Resource& endpoint, const Deployment& deployment) {
  endpoint.state.child("deployments").set(std::to_string(deployment.number), to_value(deployment));
}

void erase_deployment(Resource& endpoint, std::int64_t number) {
  if (Value* deployments = endpoint.state.find("deployments")) deployments->erase(std::to_string(number));
}

Deployment make_deployment(std::int64_t number, const Value& config, const std::vector<Value>& models) {
  Deployment deployment;
  deployment.number = number;
  deployment.config = config["EndpointConfigName"].string_or();
  if (config.has("DataCaptureConfig")) deployment.capture = config["DataCaptureConfig"];
  deployment.async = config["AsyncInferenceConfig"];
  std::size_t at = 0;
  for (const auto& variant : config["ProductionVariants"].items()) {
    const Value& model = models.at(at++);
    const std::chrono::seconds limit(variant["ContainerStartupHealthCheckTimeoutInSeconds"].int_or(0));
    for (std::size_t container = 0; container < containers_of(model).size(); ++container) {
      deployment.variants.push_back({variant["VariantName"].string_or(), variant["InitialVariantWeight"].double_or(1),
                                     variant["InitialInstanceCount"].int_or(1), model, 1, limit, container,
                                     variant["ServerlessConfig"]});
    }
  }
  return deployment;
}

void retain_properties(Deployment& deployment, const Deployment& serving, const Value& excluded) {
  const auto is_excluded = [&](std::string_view type) {
    return std::ranges::any_of(excluded.items(),
                               [&](const Value& e) { return e["VariantPropertyType"].string_or() == type; });
  };
  const bool weights = !is_excluded("DesiredWeight"), counts = !is_excluded("DesiredInstanceCount");
  for (auto& variant : deployment.variants) {
    const auto same = std::ranges::find(serving.variants, variant.name, &Variant::name);
    if (same == serving.variants.end()) continue;
    if (weights) variant.weight = same->weight;
    if (counts && same->serverless.is_null()) variant.instances = same->instances;
  }
}

std::int64_t total_instances(const Deployment& deployment) {
  std::int64_t total = 0;
  for (const auto& variant : deployment.variants) total += variant.container == 0 ? variant.instances : 0;
  return total;
}

Value pending_summary(const Deployment& deployment, Time now) {
  return Value::object({{"EndpointConfigName", deployment.config},
                        {"ProductionVariants", variants_summary(deployment, now)},
                        {"StartTime", seconds(now)}});
}

Value variants_summary(const Deployment& deployment, Time now) {
  Value list = Value::array();
  for (const auto& v : deployment.variants) {
    if (v.container != 0) continue;
    Value images = Value::array();
    for (const Value& container : containers_of(v.model)) {
      const std::string image = container["Image"].string_or();
      images.push(
          Value::object({{"SpecifiedImage", image}, {"ResolvedImage", image}, {"ResolutionTime", seconds(now)}}));
    }
    Value summary = Value::object({{"VariantName", v.name},
                                   {"DeployedImages", std::move(images)},
                                   {"CurrentWeight", v.weight},
                                   {"DesiredWeight", v.weight}});
    if (v.serverless.is_null()) {
      summary.set("CurrentInstanceCount", v.instances).set("DesiredInstanceCount", v.instances);
    } else {
      summary.set("CurrentServerlessConfig", v.serverless).set("DesiredServerlessConfig", v.serverless);
    }
    list.push(std::move(summary));
  }
  return list;
}

std::string server_key(const Resource& endpoint, const Deployment& deployment, const Variant& variant) {
  return fmt::format("{}{}/{}/{}/{}/{}", kKeyPrefix, to_lower(endpoint.name), to_epoch_ms(endpoint.created),
                     deployment.number, variant.label(), variant.attempt);
}

std::string endpoint_of_key(std::string_view key) {
  if (!key.starts_with(kKeyPrefix)) return {};
  key.remove_prefix(kKeyPrefix.size());
  return std::string(key.substr(0, key.find('/')));
}

int choose_variant(const std::vector<double>& weights, double u) {
  double total = 0;
  for (const double weight : weights) total += std::max(0.0, weight);
  if (!(total > 0)) return -1;
  double at = u * total;
  int last = -1;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    if (!(weights[i] > 0)) continue;
    last = static_cast<int>(i);
    if (at < weights[i]) return last;
    at -= weights[i];
  }
  return last;  // rounding
}

Millis restart_delay(int failures) {
  Millis delay = kFirstDelay;
  for (int i = 1; i < failures && delay < kLongestDelay; ++i) delay *= 2;
  return std::min(delay, kLongestDelay);
}

}  // namespace millrace::sagemaker
