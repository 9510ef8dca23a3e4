// CreateEndpointConfig and CreateEndpoint, or UpdateEndpoint: up to three models behind an address.

#include <fmt/core.h>

#include "components/common_arguments.h"
#include "components/component.h"
#include "components/job_status.h"
#include "components/log_lines.h"
#include "components/names.h"
#include "components/request_parts.h"

namespace millrace::components {
namespace {

constexpr int kVariants = 3;

constexpr std::string_view kAccelerators = "ml.eia1.medium|ml.eia1.large|ml.eia1.xlarge|";

constexpr auto kArguments = argument_table(
    kCommonArguments, std::array{
                          ArgumentSpec{"endpoint_name", ArgumentType::string},
                          ArgumentSpec{"endpoint_config_name", ArgumentType::string},
                          ArgumentSpec{"endpoint_config_tags", ArgumentType::object, "{}"},
                          ArgumentSpec{"resource_encryption_key", ArgumentType::string},
                          ArgumentSpec{"update_endpoint", ArgumentType::boolean, "False"},
                          ArgumentSpec{"variant_name_1", ArgumentType::string, "variant-name-1"},
                          ArgumentSpec{"model_name_1", ArgumentType::string, "", true},
                          ArgumentSpec{"initial_instance_count_1", ArgumentType::integer, "1"},
                          ArgumentSpec{"instance_type_1", ArgumentType::string, "ml.m4.xlarge"},
                          ArgumentSpec{"initial_variant_weight_1", ArgumentType::number, "1.0"},
                          ArgumentSpec{"accelerator_type_1", ArgumentType::string, "", false, kAccelerators},
                          ArgumentSpec{"variant_name_2", ArgumentType::string, "variant-name-2"},
                          ArgumentSpec{"model_name_2", ArgumentType::string},
                          ArgumentSpec{"initial_instance_count_2", ArgumentType::integer, "1"},
                          ArgumentSpec{"instance_type_2", ArgumentType::string, "ml.m4.xlarge"},
                          ArgumentSpec{"initial_variant_weight_2", ArgumentType::number, "1.0"},
                          ArgumentSpec{"accelerator_type_2", ArgumentType::string, "", false, kAccelerators},
                          ArgumentSpec{"variant_name_3", ArgumentType::string, "variant-name-3"},
                          ArgumentSpec{"model_name_3", ArgumentType::string},
                          ArgumentSpec{"initial_instance_count_3", ArgumentType::integer, "1"},
                          ArgumentSpec{"instance_type_3", ArgumentType::string, "ml.m4.xlarge"},
                          ArgumentSpec{"initial_variant_weight_3", ArgumentType::number, "1.0"},
                          ArgumentSpec{"accelerator_type_3", ArgumentType::string, "", false, kAccelerators},
                      });
constexpr std::string_view kOutputs[] = {"endpoint_name"};

// The i-th production variant; null when it has no model.
Value variant(const Arguments& a, int i) {
  const auto name = [i](std::string_view argument) { return fmt::format("{}_{}", argument, i); };
  if (!a.given(name("model_name"))) return {};
  const auto text_or = [&](std::string_view argument, const std::string& otherwise) {
    return a.given(name(argument)) ? a.text(name(argument)) : otherwise;
  };
  const std::string count = name("initial_instance_count"), weight = name("initial_variant_weight");
  Value variant = Value::object({{"VariantName", text_or("variant_name", fmt::format("variant-name-{}", i))},
                                 {"ModelName", a.text(name("model_name"))},
                                 {"InitialInstanceCount", a.given(count) ? a.integer(count) : 1},
                                 {"InstanceType", text_or("instance_type", "ml.m4.xlarge")},
                                 {"InitialVariantWeight", a.given(weight) ? a.inputs[weight].as_double() : 1.0}});
  variant.set_if(a.given(name("accelerator_type")), "AcceleratorType", a.text(name("accelerator_type")));
  return variant;
}

class Deploy final : public Component {
 public:
  std::span<const ArgumentSpec> arguments() const override { return kArguments; }
  std::span<const std::string_view> outputs() const override { return kOutputs; }

  Status prepare(Task& task) override {
    const Arguments& a = task.arguments;
    const std::string suffix = generated_name("", task.clock);
    endpoint_ = a.text("endpoint_name");
    own_endpoint_ = endpoint_.empty();
    if (own_endpoint_) endpoint_ = "Endpoint" + suffix;
    if (a.flag("update_endpoint")) MR_TRY(find_existing(task));
    // An endpoint that is updated gets a configuration of a new name: its old one is still there.
    config_ = a.text("endpoint_config_name");
    own_config_ = config_.empty() || updates_;
    if (own_config_) config_ = "EndpointConfig" + suffix;
    return {};
  }

  Result<Value> request(Task& task) override {
    const Arguments& a = task.arguments;
    if (!a.given("model_name_1")) {
      return fail(Code::invalid_argument, "Must specify at least one model (model name) to host.");
    }
    Value variants = Value::array();
    for (int i = 1; i <= kVariants; ++i) {
      if (Value found = variant(a, i); !found.is_null()) variants.push(std::move(found));
    }
    Value config = Value::object({{"EndpointConfigName", config_},
                                  {"ProductionVariants", std::move(variants)},
                                  {"Tags", MR_TRY(tag_list(a, "endpoint_config_tags"))}});
    config.set_if(a.given("resource_encryption_key"), "KmsKeyId", a.text("resource_encryption_key"));
    Value endpoint = Value::object({{"EndpointName", endpoint_}, {"EndpointConfigName", config_}});
    if (!updates_ && !MR_TRY(object_of(a, "tags")).empty()) {
      return fail(Code::invalid_argument,
                  "argument --tags: the published component cannot tag an endpoint; use --endpoint_config_tags.");
    }
    return Value::object({{"config", std::move(config)}, {"endpoint", std::move(endpoint)}});
  }

  Result<Value> submit(Task& task, const Value& request) override {
    const Value config = MR_TRY(task.session.create(
        {"CreateEndpointConfig", "DescribeEndpointConfig", "EndpointConfigName", own_config_}, request["config"]));
    if (updates_) {
      MR_TRY(update(task, request["endpoint"]));
      delete_old_config(task);
    } else {
      MR_TRY(task.session.create({"CreateEndpoint", "DescribeEndpoint", "EndpointName", own_endpoint_},
                                 request["endpoint"]));
    }
    return config;
  }

  Status announce(Task& task, const Value& config) override {
    const Arguments& a = task.arguments;
    log_info("Endpoint configuration in SageMaker: " + console_url(a, "sagemaker", "/endpointConfig/" + config_));
    log_info("Endpoint Config Arn: " + config["EndpointConfigArn"].string_or());
    log_info("Created endpoint with name: " + endpoint_);
    log_info("Endpoint in SageMaker: " + console_url(a, "sagemaker", "/endpoints/" + endpoint_));
    log_info("CloudWatch logs: " +
             console_url(a, "cloudwatch",
                         fmt::format("logStream:group=/aws/sagemaker/Endpoints/{};streamFilter=typeLogStreamPrefix",
                                     endpoint_)));
    return {};
  }

  Result<JobStatus> status(Task& task) override {
    return job_status(MR_TRY(describe(task)), "EndpointStatus", "InService");  // it is never Stopped
  }

  Result<Value> results(Task&) override { return Value::object({{"endpoint_name", endpoint_}}); }

 private:
  Result<Value> describe(Task& task) const {
    return task.session.sagemaker("DescribeEndpoint", Value::object({{"EndpointName", endpoint_}}));
  }

  // An endpoint that AWS does not know is made anew; one that could not be asked about is an error.
  // Without a name it is asked for the empty one, which no endpoint has.
  Status find_existing(Task& task) {
    const Value name = Value::object({{"EndpointName", task.arguments.text("endpoint_name")}});
    const auto found = task.session.sagemaker("DescribeEndpoint", name);
    if (!found) {
      const bool answered = !found.error().reason.empty();
      return answered ? Status() : Status(fail(found.error()));
    }
    updates_ = true;
    log_info("Endpoint exists: " + endpoint_);
    old_config_ = MR_TRY(describe(task))["EndpointConfigName"].string_or();
    log_info("Current Endpoint Config Name: " + old_config_);
    return {};
  }

  Status update(Task& task, const Value& request) {
    const auto updated = task.session.sagemaker("UpdateEndpoint", request);
    if (updated) return {};
    // An update whose answer was lost, sent again, is refused as being under way: it counts when it is to our config.
    const auto found = describe(task);
    if (found && ((*found)["EndpointConfigName"] == Value(config_) ||
                  (*found)["PendingDeploymentSummary"]["EndpointConfigName"] == Value(config_))) {
      return {};
    }
    return fail(updated.error());
  }

  void delete_old_config(Task& task) {
    const auto deleted =
        task.session.sagemaker("DeleteEndpointConfig", Value::object({{"EndpointConfigName", old_config_}}));
    if (deleted) {
      log_info("Deleted old endpoint config: " + old_config_);
    } else {
      log_info("Endpoint config may not exist to be deleted: " + message_of_service(deleted.error()));
      log_info("Unable to delete old endpoint config: " + old_config_);
    }
  }

  std::string endpoint_, config_, old_config_;
  bool own_endpoint_ = false, own_config_ = false, updates_ = false;
};

}  // namespace

std::unique_ptr<Component> deploy_component() { return std::make_unique<Deploy>(); }

}  // namespace millrace::components
