// CreateModel: there is no job to wait for.

#include "components/common_arguments.h"
#include "components/component.h"
#include "components/log_lines.h"
#include "components/request_parts.h"

namespace millrace::components {
namespace {

constexpr auto kArguments =
    argument_table(kCommonArguments, std::array{
                                         ArgumentSpec{"model_name", ArgumentType::string, "", true},
                                         ArgumentSpec{"role", ArgumentType::string, "", true},
                                         ArgumentSpec{"container_host_name", ArgumentType::string},
                                         ArgumentSpec{"image", ArgumentType::string},
                                         ArgumentSpec{"model_artifact_url", ArgumentType::string},
                                         ArgumentSpec{"environment", ArgumentType::object, "{}"},
                                         ArgumentSpec{"model_package", ArgumentType::string},
                                         ArgumentSpec{"secondary_containers", ArgumentType::array, "[]"},
                                         ArgumentSpec{"vpc_security_group_ids", ArgumentType::string},
                                         ArgumentSpec{"vpc_subnets", ArgumentType::string},
                                         ArgumentSpec{"network_isolation", ArgumentType::boolean, "True"},
                                     });
constexpr std::string_view kOutputs[] = {"model_name"};

Result<Value> primary_container(const Arguments& a) {
  Value container = Value::object({{"Environment", a.inputs["environment"]}});
  container.set_if(a.given("container_host_name"), "ContainerHostname", a.text("container_host_name"));
  if (a.given("model_package")) return container.set("ModelPackageName", a.text("model_package"));
  if (!a.given("image")) {
    return fail(Code::invalid_argument, "Please specify an image OR a model package name.");
  }
  container.set("Image", a.text("image"));
  return container.set_if(a.given("model_artifact_url"), "ModelDataUrl", a.text("model_artifact_url"));
}

class Model final : public Component {
 public:
  std::span<const ArgumentSpec> arguments() const override { return kArguments; }
  std::span<const std::string_view> outputs() const override { return kOutputs; }

  Status prepare(Task&) override { return {}; }

  Result<Value> request(Task& task) override {
    const Arguments& a = task.arguments;
    Value request = Value::object({{"ModelName", a.text("model_name")}});
    if (a.given("secondary_containers")) {
      request.set("Containers", a.inputs["secondary_containers"]);
    } else {
      request.set("PrimaryContainer", MR_TRY(primary_container(a)));
    }
    request.set("ExecutionRoleArn", a.text("role"));
    request.set("EnableNetworkIsolation", a.flag("network_isolation"));
    add_vpc(request, a);
    request.set("Tags", MR_TRY(tag_list(a, "tags")));
    return request;
  }

  Result<Value> submit(Task& task, const Value& request) override {
    return task.session.create({"CreateModel", "DescribeModel", "ModelName", false}, request);
  }

  Status announce(Task&, const Value& model) override {
    log_info("Model Config Arn: " + model["ModelArn"].string_or());
    return {};
  }

  Result<JobStatus> status(Task&) override {
    JobStatus done;
    done.is_completed = true;
    return done;
  }

  Result<Value> results(Task& task) override {
    return Value::object({{"model_name", task.arguments.text("model_name")}});
  }
};

}  // namespace

std::unique_ptr<Component> model_component() { return std::make_unique<Model>(); }

}  // namespace millrace::components
