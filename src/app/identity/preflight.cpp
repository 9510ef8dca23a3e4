#include "app/identity/preflight.h"

#include <algorithm>
#include <optional>

#include <fmt/core.h>

#include "app/identity/explanation.h"
#include "base/hash.h"
#include "components/components.h"
#include "components/dry_run.h"
#include "iam/policy/trace.h"
#include "sagemaker/role_access.h"

namespace millrace::app {
namespace {

constexpr std::string_view kSageMaker = "sagemaker.amazonaws.com";

// One step's part of the answer.
class Step {
 public:
  Step(iam::Iam& iam, const pipelines::DryRunTask& task) : iam_(iam) {
    value_ = Value::object({{"task", task.name}, {"path", task.path}});
  }

  void name(std::string_view component, std::string_view identity) {
    value_.set("component", component).set("identity", identity);
  }
  void unknown(std::string_view sentence) { unknown_.push(sentence); }
  void ask(const aws::Principal& as, const aws::Check& check, const std::string& why) {
    const auto trace = iam_.explain(as, check);
    if (!trace) return unknown(trace.error().message);
    add(as.arn, check, why, trace->decision.allowed, verdict(trace->decision));
  }
  void deny(std::string_view as, const aws::Check& check, const std::string& why, const std::string& because) {
    add(as, check, why, false, Value::object({{"because", because}}));
  }
  std::int64_t denied() const { return denied_; }
  Value take() {
    value_.set("denied", denied_);
    value_.set("calls", std::move(calls_));
    return std::move(value_.set("unknown", std::move(unknown_)));
  }

 private:
  void add(std::string_view as, const aws::Check& check, const std::string& why, bool allowed, const Value& verdict) {
    Value call = Value::object({{"as", as},
                                {"action", check.action},
                                {"resource", check.resource},
                                {"why", why},
                                {"allowed", allowed},
                                {"because", verdict["because"].string_or()}});
    for (const char* member : {"kind", "policy", "sid"}) {
      if (const std::string text = verdict[member].string_or(); !text.empty()) call.set(member, text);
    }
    // The same question asked twice has the same answer.
    const auto same = [&](const Value& other) {
      return other["as"] == call["as"] && other["action"] == call["action"] && other["resource"] == call["resource"];
    };
    if (std::ranges::any_of(calls_.items(), same)) return;
    denied_ += allowed ? 0 : 1;
    calls_.push(std::move(call));
  }

  iam::Iam& iam_;
  Value value_, calls_ = Value::array(), unknown_ = Value::array();
  std::int64_t denied_ = 0;
};

}  // namespace

// One question: its steps, and what they make for one another.
class PreflightCourse {
 public:
  explicit PreflightCourse(Preflight::Needs& needs) : needs_(needs) {}

  Value step(const pipelines::DryRunTask& task) {
    Step step(needs_.iam, task);
    const auto native = components::native_command(needs_.executable, task.image, task.command_line);
    const auto principal = identity_of(task, step);
    Value outputs = Value::object();
    if (!native) {
      step.unknown("Its calls are its own program's: they cannot be foreseen.");
    } else if (const auto dry = components::dry_run(*native, needs_.clock, made_); !dry) {
      step.unknown(dry.error().message);
    } else {
      outputs = dry->outputs;
      if (principal) ask(step, *principal, *dry);
    }
    denied_ += step.denied();
    steps_.push(step.take());
    return outputs;
  }
  Value take() {
    Value out = Value::object({{"denied", denied_}});
    return out.set("steps", std::move(steps_));
  }

 private:
  // Whose keys the step has: those of its Secret, or the node's role. nullopt: none that anybody would accept, and
  // said.
  std::optional<aws::Principal> identity_of(const pipelines::DryRunTask& task, Step& step) {
    const std::string& component = task.image;
    std::string key_id, secret_key, from;
    for (const auto& [name, value] : task.environment) {
      if (name == "AWS_ACCESS_KEY_ID") key_id = value, from = "its own environment";
      if (name == "AWS_SECRET_ACCESS_KEY") secret_key = value;
    }
    for (const auto& source : task.secrets) {
      const bool id = source.variable == "AWS_ACCESS_KEY_ID", key = source.variable == "AWS_SECRET_ACCESS_KEY";
      if (!id && !key) continue;
      from = fmt::format("the Secret {}", source.secret);
      const auto data = needs_.kube.secret("kubeflow", source.secret);
      const bool there = data && data->contains(source.key);
      if (!there) {
        step.name(component, from);
        step.deny(from, {"sts:GetCallerIdentity", "*", {}}, "the step needs AWS keys",
                  data ? fmt::format("the Secret {} has no key {}", source.secret, source.key) : data.error().message);
        return std::nullopt;
      }
      (id ? key_id : secret_key) = data->at(source.key);
    }
    if (from.empty()) {
      auto node = needs_.iam.assume_for_service(needs_.node_role, "ec2.amazonaws.com", "preflight");
      step.name(component, needs_.node_role);
      if (node) return std::move(*node);
      step.deny("ec2.amazonaws.com", {"sts:AssumeRole", needs_.node_role, {}}, "the node's role stands in for keys",
                node.error().message);
      return std::nullopt;
    }
    const auto found = needs_.iam.find(key_id, "", needs_.clock.now());
    step.name(component, found ? found->principal.arn : from);
    if (!found) {
      step.deny(from, {"sts:GetCallerIdentity", "*", {}}, "the step signs with its keys", found.error().message);
      return std::nullopt;
    }
    if (!equal_constant_time(found->secret_access_key, secret_key)) {
      step.deny(from, {"sts:GetCallerIdentity", "*", {}}, "the step signs with its keys",
                "The secret access key does not belong to the access key id: no signature will match.");
      return std::nullopt;
    }
    return found->principal;
  }

  void ask(Step& step, const aws::Principal& principal, const components::DryRun& dry) {
    if (!dry.assume_role.empty()) {
      step.unknown(fmt::format(
          "It takes on the role {} and calls as that: whether it may is only known during the run.", dry.assume_role));
      return;
    }
    for (const components::DryCall& call : dry.calls) {
      const auto checks = needs_.gateway.checks_of(principal, call.service, call.operation, call.input);
      if (!checks) {
        step.unknown(fmt::format("{}: {}", call.operation, checks.error().message));
        continue;
      }
      for (const aws::Check& check : *checks) step.ask(principal, check, "calls " + call.operation);
      ask_role(step, call);
    }
  }

  void ask_role(Step& step, const components::DryCall& call) {
    Value model;
    if (call.operation == "CreateTransformJob") {
      if (const auto found = made_.find({"Model", call.input["ModelName"].string_or()}); found != made_.end())
        model = found->second;
      else
        step.unknown("The model's role is only known during the run.");
    }
    const auto accesses = sagemaker::role_access(call.operation, call.input, model);
    std::string role = sagemaker::role_of(call.operation, call.input);
    if (role.empty() && !accesses.empty()) role = accesses.front().role_arn;
    if (role.empty()) return;
    const auto principal = needs_.iam.assume_for_service(role, kSageMaker, "SageMaker");
    if (!principal) {
      step.deny(kSageMaker, {"sts:AssumeRole", role, {}}, "the job takes on its role", principal.error().message);
      return;
    }
    for (const auto& access : accesses) step.ask(*principal, access.check, access.why);
  }

  Preflight::Needs& needs_;
  components::Made made_;
  Value steps_ = Value::array();
  std::int64_t denied_ = 0;
};

Result<Value> Preflight::answer(const Value& request) {
  PreflightCourse course(needs_);
  MR_TRY(needs_.pipelines.dry_run(request["pipeline"], request["parameters"],
                                  [&](const pipelines::DryRunTask& task) { return course.step(task); }));
  return course.take();
}

}  // namespace millrace::app
