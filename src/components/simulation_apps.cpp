// RoboMaker's CreateSimulationApplication and DeleteSimulationApplication.

#include <fmt/core.h>

#include "components/common_arguments.h"
#include "components/component.h"
#include "components/log_lines.h"
#include "components/names.h"
#include "components/request_parts.h"

namespace millrace::components {
namespace {

// The tags that these two are given are not sent: the published components do not either.
constexpr auto kCreateArguments =
    argument_table(kCommonArguments, std::array{
                                         ArgumentSpec{"app_name", ArgumentType::string, "", true},
                                         ArgumentSpec{"sources", ArgumentType::array, "", true},
                                         ArgumentSpec{"simulation_software_name", ArgumentType::string, "", true},
                                         ArgumentSpec{"simulation_software_version", ArgumentType::string, "", true},
                                         ArgumentSpec{"robot_software_name", ArgumentType::string, "", true},
                                         ArgumentSpec{"robot_software_version", ArgumentType::string, "", true},
                                         ArgumentSpec{"rendering_engine_name", ArgumentType::string},
                                         ArgumentSpec{"rendering_engine_version", ArgumentType::string},
                                     });
constexpr std::string_view kCreateOutputs[] = {"arn", "app_name", "version", "revision_id"};

constexpr auto kDeleteArguments =
    argument_table(kCommonArguments, std::array{
                                         ArgumentSpec{"arn", ArgumentType::string, "", true},
                                         ArgumentSpec{"version", ArgumentType::string, kNone},
                                     });
constexpr std::string_view kDeleteOutputs[] = {"arn"};

Value suite(const Arguments& a, std::string_view prefix) {
  const auto of = [&](std::string_view part) { return a.text(fmt::format("{}_{}", prefix, part)); };
  return Value::object({{"name", of("name")}, {"version", of("version")}});
}

Result<Value> describe(Task& task, const Value& arn) {
  return task.session.robomaker("DescribeSimulationApplication", Value::object({{"application", arn}}));
}

class CreateSimulationApp final : public Component {
 public:
  std::span<const ArgumentSpec> arguments() const override { return kCreateArguments; }
  std::span<const std::string_view> outputs() const override { return kCreateOutputs; }

  Status prepare(Task& task) override {
    name_ = task.arguments.text("app_name");
    if (name_.empty()) name_ = generated_name("SimulationApplication", task.clock);
    return {};
  }

  Result<Value> request(Task& task) override {
    const Arguments& a = task.arguments;
    Value request = Value::object({{"name", name_}, {"sources", a.inputs["sources"]}});
    request.set("simulationSoftwareSuite", suite(a, "simulation_software"));
    request.set("robotSoftwareSuite", suite(a, "robot_software"));
    request.set_if(a.given("rendering_engine_name"), "renderingEngine", suite(a, "rendering_engine"));
    return request.set("tags", Value::object());
  }

  Result<Value> submit(Task& task, const Value& request) override {
    made_ = MR_TRY(task.session.robomaker("CreateSimulationApplication", request));
    return made_;
  }

  Status announce(Task&, const Value&) override {
    log_info("Created Robomaker Simulation Application with name: " + name_);
    return {};
  }

  Result<JobStatus> status(Task& task) override {
    const auto found = describe(task, made_["arn"]);
    if (!found) return JobStatus{true, true, found.error().message, found.error().message};
    return JobStatus{true, false, (*found)["arn"].string_or(), ""};
  }

  Result<Value> results(Task& task) override {
    const std::string arn = made_["arn"].string_or();
    log_info("Simulation Application in RoboMaker: " +
             console_url(task.arguments, "robomaker", "/simulationApplications/" + arn.substr(arn.find('/') + 1)));
    return Value::object(
        {{"arn", arn}, {"app_name", name_}, {"version", made_["version"]}, {"revision_id", made_["revisionId"]}});
  }

  Status stop(Task& task) override {
    MR_TRY(task.session.robomaker("DeleteSimulationApplication", Value::object({{"application", made_["arn"]}})));
    return {};
  }

 private:
  std::string name_;
  Value made_;
};

// Done as soon as the application cannot be described any more.
class DeleteSimulationApp final : public Component {
 public:
  std::span<const ArgumentSpec> arguments() const override { return kDeleteArguments; }
  std::span<const std::string_view> outputs() const override { return kDeleteOutputs; }

  Status prepare(Task&) override { return {}; }

  Result<Value> request(Task& task) override {
    const Arguments& a = task.arguments;
    Value request = Value::object({{"application", a.text("arn")}});
    return request.set_if(a.given("version"), "applicationVersion", a.text("version"));
  }

  Result<Value> submit(Task& task, const Value& request) override {
    return task.session.robomaker("DeleteSimulationApplication", request);
  }

  Status announce(Task& task, const Value&) override {
    log_info("Deleted Robomaker Simulation Application with arn: " + task.arguments.text("arn"));
    return {};
  }

  Result<JobStatus> status(Task& task) override {
    const auto found = describe(task, task.arguments.text("arn"));
    if (!found) return JobStatus{true, false, found.error().message, ""};
    return JobStatus{false, false, (*found)["arn"].string_or(), ""};
  }

  Result<Value> results(Task& task) override {
    const std::string arn = task.arguments.text("arn");
    log_info(fmt::format("Simulation Application {} has been deleted", arn));
    return Value::object({{"arn", arn}});
  }

  Status stop(Task& task) override {
    log_info(fmt::format("Simulation Application {} failed to delete", task.arguments.text("arn")));
    return {};
  }
};

}  // namespace

std::unique_ptr<Component> create_simulation_app_component() { return std::make_unique<CreateSimulationApp>(); }
std::unique_ptr<Component> delete_simulation_app_component() { return std::make_unique<DeleteSimulationApp>(); }

}  // namespace millrace::components
