#include "components/custom_resource.h"

#include <algorithm>

#include <fmt/core.h>

#include "base/python_text.h"
#include "base/strings.h"
#include "components/log_lines.h"
#include "components/names.h"
#include "components/request_parts.h"
#include "components/resource_fields.h"
#include "components/resource_status.h"

namespace millrace::components {
namespace {

// "role_arn" → "roleARN": the field of the spec that an argument is for, and of the status that an output is.
std::string spec_field(std::string_view argument) {
  if (argument == "role_arn") return "roleARN";
  if (argument == "execution_role_arn") return "executionRoleARN";
  std::string field;
  bool capital = false;
  for (const char c : argument) {
    if (c == '_') {
      capital = true;
      continue;
    }
    field += capital && c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    capital = false;
  }
  return field;
}

// Whether `found` has all that `wanted` asks for.
bool covers(const Value& found, const Value& wanted) {
  if (!wanted.is_object()) return found == wanted;
  return std::ranges::all_of(wanted.as_object(),
                             [&](const Value::Member& member) { return covers(found[member.first], member.second); });
}

std::string joined(const std::vector<std::string>& lines) { return join(lines, "\n"); }

class CustomResource final : public Component {
 public:
  explicit CustomResource(const ResourceKind& kind) : kind_(kind) {}

  std::span<const ArgumentSpec> arguments() const override { return kind_.arguments; }
  std::span<const std::string_view> outputs() const override { return kind_.outputs; }
  OutputPlace output_place() const override { return OutputPlace::outputs_folder; }
  std::string_view noun() const override { return kind_.title; }

  Status prepare(Task& task) override {
    name_ = task.arguments.text(kind_.name_argument);
    own_name_ = name_.empty();
    if (own_name_) name_ = generated_resource_name(kind_.prefix, task.clock);
    return {};
  }

  Result<Value> request(Task& task) override {
    Value spec = Value::object();
    const Value& fields = resource_fields(kind_.kind, "spec");
    for (const auto& [argument, value] : task.arguments.inputs.members()) {
      const std::string field = spec_field(argument);
      if (!fields["fields"].has(field) || value.is_null()) continue;
      if ((value.is_object() || value.is_array()) && value.empty()) continue;
      spec.set(field, value);
    }
    spec.set(spec_field(kind_.name_argument), name_);
    Pruned pruned = prune(fields, spec, "spec");
    for (const std::string& dropped : pruned.dropped) log_warning(dropped);
    if (!pruned.faults.empty()) {
      return fail(Code::invalid_argument,
                  fmt::format("The {} \"{}\" is invalid: {}", kind_.kind, name_, joined(pruned.faults)));
    }
    log_info("Custom resource: " + python_json(pruned.value));
    return to_api(fields, pruned.value);
  }

  Result<Value> submit(Task& task, const Value& request) override {
    request_ = request;
    MR_TRY(look(task));
    MR_TRY(bring_about(task));
    return Value::object();
  }

  Status announce(Task& task, const Value&) override {
    const Arguments& a = task.arguments;
    if (kind_.kind == "TrainingJob") log_info("Created Sagemaker Training Job with name: " + name_);
    if (!kind_.console.empty()) {
      log_info(fmt::format("{} in Sagemaker: {}", kind_.title,
                           console_url(a, "sagemaker", fmt::format("/{}/{}", kind_.console, name_))));
    }
    if (kind_.kind == "TrainingJob") log_cloudwatch_url(a, "/aws/sagemaker/TrainingJobs", name_);
    if (kind_.kind == "Endpoint") {
      log_info("CloudWatch logs: " + console_url(a, "cloudwatch", "logStream:group=/aws/sagemaker/Endpoints/" + name_));
    }
    return {};
  }

  Result<JobStatus> status(Task& task) override {
    if (removal_ != Removal::none) return status_of_removal(task);
    if (!is_there_) {
      MR_TRY(bring_about(task));
      if (!is_there_) return JobStatus{false, false, "Pending", ""};
    }
    described_ = MR_TRY(describe(task));
    const std::string state = described_[kind_.status_member].string_or();
    if (kind_.status_member.empty()) return JobStatus{true, false, "Completed", ""};
    if (const std::string failed = failed_update(state); !failed.empty()) {
      return JobStatus{true, true, state, failed};
    }
    if (kind_.fails_terminally && state == "Failed") {
      return JobStatus{true, true, state,
                       fmt::format("{} status reached terminal state: Failed. Check the FailureReason.\n{}", kind_.kind,
                                   described_["FailureReason"].string_or())};
    }
    if (is_changing(state)) return JobStatus{false, false, state, ""};
    return ended(state);
  }

  Result<Value> results(Task& task) override {
    const Value status = resource_status({kind_.kind, kind_.status_member, kind_.is_late_initialized}, described_,
                                         task.arguments.text("region"), task.clock.now());
    Value results = Value::object();
    for (const std::string_view output : kind_.outputs) {
      results.set(output, output == "sagemaker_resource_name" ? name_ : python_str(status[spec_field(output)]));
    }
    return results;
  }

  Status stop(Task&) override {
    if (updates_) {
      log_info(
          "Received termination signal, stopping component but resource update will still proceed if started. Please "
          "rerun the component with the desired configuration to revert the update.");
      removal_ = Removal::none_needed;
      return {};
    }
    log_info("Received termination signal, deleting custom resource " + name_);
    removal_ = is_there_ ? Removal::wanted : Removal::none_needed;
    return {};
  }

 private:
  enum class Removal { none, none_needed, wanted, asked_for };

  Result<Value> describe(Task& task) const {
    return task.session.controller(fmt::format("Describe{}", kind_.kind),
                                   Value::object({{std::string(kind_.name_member), name_}}));
  }

  bool is_missing(const Error& error) const {
    if (error.reason == "ResourceNotFound") return true;
    return !kind_.not_found.empty() && error.reason == "ValidationException" &&
           error.message.find(kind_.not_found) != std::string::npos;
  }

  bool is_changing(std::string_view state) const {
    const auto states = split(kind_.changing, '|');
    return std::ranges::find(states, state) != states.end();
  }

  // Whether it is there already.
  Status look(Task& task) {
    const auto found = describe(task);
    if (!found && !is_missing(found.error())) return fail(found.error());
    if (!found) {
      log_info("Resource does not exist. Creating a new resource.");
      return {};
    }
    log_info("Existing resource detected. Starting Update.");
    updates_ = true;
    if (kind_.can_update) return {};
    return fail(Code::already_exists, fmt::format("Resource update is not supported for {}", kind_.title));
  }

  // Makes the resource, or updates it. An error that a person can remedy is waited out, as the controller does.
  Status bring_about(Task& task) {
    const auto done = updates_ ? update(task) : create(task);
    if (done) return {};
    if (is_final(done.error())) return fail(done.error());
    log_error(done.error().message);
    log_error(
        "Waiting for error to be resolved . . . Please fix the error or terminate the job and retry with correct "
        "parameters if this is not a transient error");
    return {};
  }

  // What the controller calls terminal, and what the published component gives up on.
  static bool is_final(const Error& error) {
    constexpr std::string_view kFinal[] = {"ResourceNotFound",      "ResourceInUse",    "InvalidParameterCombination",
                                           "InvalidParameterValue", "MissingParameter", "ValidationException"};
    if (error.reason.empty()) return true;
    return std::ranges::find(kFinal, error.reason) != std::end(kFinal) ||
           error.message.find("InvalidParameter") != std::string::npos;
  }

  Status create(Task& task) {
    const std::string operation = fmt::format("Create{}", kind_.kind), find = fmt::format("Describe{}", kind_.kind);
    MR_TRY(task.session.create_as_controller({operation, find, kind_.name_member, own_name_}, request_));
    is_there_ = true;
    return {};
  }

  // Waits until it can be changed, and changes what differs.
  Status update(Task& task) {
    const Value found = MR_TRY(describe(task));
    if (is_changing(found[kind_.status_member].string_or())) return {};
    Value request = request_;
    request.erase("Tags");
    if (covers(found, request)) {
      log_info(fmt::format("{} is already as wanted.", name_));
    } else {
      if (kind_.kind == "Endpoint") request.set("RetainAllVariantProperties", true);
      MR_TRY(task.session.controller(fmt::format("Update{}", kind_.kind), request));
      updated_ = true;
    }
    is_there_ = true;
    return {};
  }

  // An endpoint whose update has failed is in service again, with its old configuration.
  std::string failed_update(std::string_view state) const {
    const std::string config = described_["EndpointConfigName"].string_or();
    if (!updated_ || kind_.kind != "Endpoint" || state != "InService" || !described_.has("FailureReason") ||
        Value(config) == request_["EndpointConfigName"])
      return {};
    return fmt::format("unable to update endpoint. check FailureReason. latest EndpointConfigName is {}\n{}", config,
                       described_["FailureReason"].string_or());
  }

  JobStatus ended(const std::string& state) const {
    if (state == kind_.done) {
      if (const std::string rule = failed_rule(described_); !rule.empty()) return JobStatus{true, true, state, rule};
      return JobStatus{rules_have_ended(described_), false, state, ""};
    }
    if (state == "Failed") return JobStatus{true, true, state, described_["FailureReason"].string_or()};
    if (state == "OutOfService") return JobStatus{true, true, state, "Sagemaker endpoint is Out of Service"};
    if (state == "Stopped") {
      const bool job = kind_.kind == "TrainingJob";
      return JobStatus{true, true, state, job ? "Sagemaker job was stopped" : "The schedule was stopped."};
    }
    return JobStatus{false, false, state, ""};
  }

  // After SIGTERM: it is removed as soon as it can be, and is then seen to be gone.
  Result<JobStatus> status_of_removal(Task& task) {
    const JobStatus gone{true, true, "Deleted", "The component was terminated before it was done."};
    if (removal_ == Removal::none_needed) return gone;
    const auto found = describe(task);
    if (!found) return is_missing(found.error()) ? Result<JobStatus>(gone) : Result<JobStatus>(fail(found.error()));
    const std::string state = (*found)[kind_.status_member].string_or();
    const bool is_job = kind_.kind == "TrainingJob";
    if (is_job && !is_changing(state)) return gone;
    if (removal_ == Removal::wanted && (is_job ? state == "InProgress" : !is_changing(state))) {
      MR_TRY(task.session.controller(kind_.remove, Value::object({{std::string(kind_.name_member), name_}})));
      removal_ = Removal::asked_for;
    }
    return JobStatus{false, false, state.empty() ? "Deleting" : state, ""};
  }

  const ResourceKind& kind_;
  std::string name_;
  Value request_, described_;
  bool own_name_ = false;
  bool updates_ = false;   // it was there before
  bool is_there_ = false;  // made, or as wanted
  bool updated_ = false;   // UpdateEndpoint was called
  Removal removal_ = Removal::none;
};

}  // namespace

std::unique_ptr<Component> custom_resource_component(const ResourceKind& kind) {
  return std::make_unique<CustomResource>(kind);
}

}  // namespace millrace::components
