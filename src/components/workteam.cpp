// CreateWorkteam: people who label data. There is no job to wait for.

#include "base/strings.h"
#include "components/common_arguments.h"
#include "components/component.h"
#include "components/log_lines.h"
#include "components/request_parts.h"

namespace millrace::components {
namespace {

constexpr auto kArguments =
    argument_table(kCommonArguments, std::array{
                                         ArgumentSpec{"team_name", ArgumentType::string, "", true},
                                         ArgumentSpec{"description", ArgumentType::string, "", true},
                                         ArgumentSpec{"user_pool", ArgumentType::string, kNone},
                                         ArgumentSpec{"user_groups", ArgumentType::string},
                                         ArgumentSpec{"client_id", ArgumentType::string, kNone},
                                         ArgumentSpec{"sns_topic", ArgumentType::string},
                                     });
constexpr std::string_view kOutputs[] = {"workteam_arn"};

class Workteam final : public Component {
 public:
  std::span<const ArgumentSpec> arguments() const override { return kArguments; }
  std::span<const std::string_view> outputs() const override { return kOutputs; }

  Status prepare(Task&) override { return {}; }

  Result<Value> request(Task& task) override {
    const Arguments& a = task.arguments;
    Value request = Value::object({{"WorkteamName", a.text("team_name")}});
    Value members = Value::array();
    const std::string groups = a.text("user_groups");
    for (const std::string_view group : split(groups, ',')) {
      members.push(Value::object({{"CognitoMemberDefinition", Value::object({{"UserPool", a.inputs["user_pool"]},
                                                                             {"UserGroup", trim(group)},
                                                                             {"ClientId", a.inputs["client_id"]}})}}));
    }
    request.set("MemberDefinitions", std::move(members));
    request.set("Description", a.text("description"));
    request.set_if(a.given("sns_topic"), "NotificationConfiguration",
                   Value::object({{"NotificationTopicArn", a.text("sns_topic")}}));
    request.set("Tags", MR_TRY(tag_list(a, "tags")));
    return request;
  }

  Result<Value> submit(Task& task, const Value& request) override {
    const Value made = MR_TRY(task.session.create({"CreateWorkteam", "DescribeWorkteam", "WorkteamName"}, request));
    arn_ = made["WorkteamArn"];
    return made;
  }

  Status announce(Task& task, const Value&) override {
    const Value name = Value::object({{"WorkteamName", task.arguments.text("team_name")}});
    const Value described = MR_TRY(task.session.sagemaker("DescribeWorkteam", name));
    log_info("Labeling portal: " + described["Workteam"]["SubDomain"].string_or());
    return {};
  }

  Result<JobStatus> status(Task&) override { return JobStatus{true, false, "", ""}; }

  Result<Value> results(Task&) override { return Value::object({{"workteam_arn", arn_}}); }

 private:
  Value arn_;
};

}  // namespace

std::unique_ptr<Component> workteam_component() { return std::make_unique<Workteam>(); }

}  // namespace millrace::components
