#include "components/dry_run.h"

#include <fmt/core.h>

#include "components/component.h"
#include "components/components.h"

namespace millrace::components {
namespace {

constexpr int kMostLooks = 4;  // a job that has not ended by then never would

// The member that names what an operation is about: CreateTrainingJob → TrainingJobName.
std::string name_member(std::string_view operation) {
  for (const std::string_view verb : {"Create", "Describe", "Update", "Delete", "Stop"}) {
    if (operation.starts_with(verb)) return std::string(operation.substr(verb.size())) + "Name";
  }
  return {};
}

std::string kind_of(std::string_view operation) {
  const std::string member = name_member(operation);
  return member.empty() ? member : member.substr(0, member.size() - 4);
}

// A job's description once it has ended well.
Value description(const std::string& kind, const std::string& name, const Value& request) {
  Value out = request;
  out.set(kind + "Arn", "");
  const bool is_schedule = kind == "MonitoringSchedule";
  out.set(kind + "Name", name);
  out.set(kind + "Status", kind == "Endpoint" ? "InService" : is_schedule ? "Scheduled" : "Completed");
  if (kind == "TrainingJob") {
    const std::string path = request["OutputDataConfig"]["S3OutputPath"].string_or();
    out.set("ModelArtifacts",
            Value::object({{"S3ModelArtifacts", fmt::format("{}/{}/output/model.tar.gz", path, name)}}));
  }
  if (kind == "HyperParameterTuningJob")
    out.set("BestTrainingJob",
            Value::object({{"TrainingJobName", name + "-001"}, {"TunedHyperParameters", Value::object()}}));
  return out;
}

class Answerer {
 public:
  Answerer(DryRun& dry_run, Made& made) : dry_run_(dry_run), made_(made) {}

  Result<Value> operator()(std::string_view service, std::string_view operation, const Value& input) {
    dry_run_.calls.push_back({std::string(service), std::string(operation), input});
    if (service == "robomaker") return Value::object({{"arn", "arn:aws:robomaker:dry-run"}, {"status", "Completed"}});
    const std::string kind = kind_of(operation);
    const std::string name = input[name_member(operation)].string_or(input["JobDefinitionName"].string_or());
    if (operation.starts_with("Create")) {
      made_[{kind, name}] = input;
      if (kind == "HyperParameterTuningJob") {
        Value trial = input["TrainingJobDefinition"];
        Value hyperparameters = trial["StaticHyperParameters"];
        hyperparameters.set("_tuning_objective_metric", "");
        made_[{"TrainingJob", name + "-001"}] = trial.set("HyperParameters", std::move(hyperparameters));
      }
      return Value::object({{kind + "Arn", ""}});
    }
    if (operation.starts_with("Describe") && !kind.empty()) {
      if (const auto found = made_.find({kind, name}); found != made_.end())
        return description(kind, name, found->second);
      // As of something that is not there yet: what does not exist cannot be told from what is not known.
      return fail(Code::not_found, fmt::format("{} {} is only known during the run", kind, name), "ResourceNotFound");
    }
    return Value::object();
  }

 private:
  DryRun& dry_run_;
  Made& made_;
};

}  // namespace

Result<DryRun> dry_run(const std::vector<std::string>& native_command, const Clock& clock, Made& made) {
  if (native_command.size() < 3) return fail(Code::invalid_argument, "that is no component's command line");
  const std::unique_ptr<Component> component = MR_TRY(component_named(native_command[2]));
  const Arguments arguments = MR_TRY(parse_arguments(component->arguments(), component->outputs(),
                                                     {native_command.begin() + 3, native_command.end()}));
  DryRun dry;
  dry.assume_role = arguments.text("assume_role");
  Session session(Answerer(dry, made), clock);
  Task task{arguments, session, clock};
  MR_TRY(component->prepare(task));
  const Value request = MR_TRY(component->request(task));
  MR_TRY(component->submit(task, request));
  for (int looks = 0; looks < kMostLooks; ++looks) {
    if (MR_TRY(component->status(task)).is_completed) break;
  }
  dry.outputs = MR_TRY(component->results(task));
  return dry;
}

}  // namespace millrace::components
