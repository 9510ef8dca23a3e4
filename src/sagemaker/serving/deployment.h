#pragma once
// An endpoint's deployments, as its row keeps them. Pure.
//
//   state.serving, state.pending   numbers of the deployment that answers / that is being brought up; 0: none
//   state.begun, state.deadline    of an update (milliseconds): when its deployment was ready, by when it must be done
//   state.deployments["3"]         {config, capture (DataCaptureConfig), async (AsyncInferenceConfig), variants:
//   [{name, container, weight,
//                                  instances, serverless, model, attempt, start_limit}]}: one of each container of a
//                                  model that has several, in order
// A deployment that is neither is being taken down.

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "base/value.h"
#include "sagemaker/resource.h"

namespace millrace::sagemaker {

struct Variant {
  std::string name;
  double weight = 1;
  std::int64_t instances = 1;
  Value model;                // the model's Describe document when the deployment was made
  std::int64_t attempt = 1;   // how often its server has been started
  Millis start_limit{};       // until it must answer its first /ping; 0: kStartLimit (machine.h)
  std::size_t container = 0;  // which of the model's
  Value serverless = {};      // its ServerlessConfig; null: it has instances

  // Of its server among those of the deployment: "v"; that of another container than the first: "v.1".
  std::string label() const;
};
struct Deployment {
  std::int64_t number = 0;
  std::string config;
  std::vector<Variant> variants;
  Value capture = {};  // the configuration's DataCaptureConfig
  Value async = {};    // its AsyncInferenceConfig
};

// ContainerDefinition's Mode.
bool is_multi_model(const Value& container);
// Below the server's directory: what the endpoint has on disk, and the artifacts of a variant's model.
std::string directory_of(const Resource& endpoint);
std::string model_directory_of(const Resource& endpoint, const Deployment& deployment, const Variant& variant);

// Of a model's Describe document: at least one.
std::vector<Value> containers_of(const Value& model);

std::vector<Deployment> deployments_of(const Resource& endpoint);
void put_deployment(Resource& endpoint, const Deployment& deployment);
void erase_deployment(Resource& endpoint, std::int64_t number);

// From an endpoint configuration and the Describe documents of its models, in the order of its variants.
Deployment make_deployment(std::int64_t number, const Value& config, const std::vector<Value>& models);

// UpdateEndpoint's RetainAllVariantProperties: the weights and instance counts of `serving` for the variants that both
// have, without those that `excluded` (ExcludeRetainedVariantProperties) names.
void retain_properties(Deployment& deployment, const Deployment& serving, const Value& excluded);

// Of all variants.
std::int64_t total_instances(const Deployment& deployment);

// DescribeEndpoint's ProductionVariants.
Value variants_summary(const Deployment& deployment, Time now);
// Its PendingDeploymentSummary, of an update that began at `now`.
Value pending_summary(const Deployment& deployment, Time now);

// A model server's launch key: "sagemaker/endpoint/<name>/<incarnation>/<deployment>/<variant>/<attempt>".
std::string server_key(const Resource& endpoint, const Deployment& deployment, const Variant& variant);
std::string endpoint_of_key(std::string_view key);  // empty: not a model server's

// Which variant answers: by weight, `u` uniform in [0, 1). -1: there is none with a weight.
int choose_variant(const std::vector<double>& weights, double u);

// What becomes of a model server that ended by itself. `failures` in a row, this one counted.
inline constexpr int kMaxFailures = 5;
Millis restart_delay(int failures);

}  // namespace millrace::sagemaker
