#pragma once
// Random pipelines for a simulated runner: scripts that are alike, so that tasks find each other's results in the
// cache, with retries, orders, deadlines and artifacts.

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <fmt/core.h>

#include "pipelines/runner/simulated_children_for_tests.h"
#include "pipelines/world_for_tests.h"

namespace millrace::pipelines::runner {

inline constexpr std::string_view kArtifact = "model";

struct RandomPipeline {
  Value spec;
  std::map<std::string, std::string> does;           // by task: the first word of its script
  std::int64_t run_deadline = 0, task_deadline = 0;  // seconds, of the run and of an attempt at t0; 0: none
};

inline Step random_step(Dice& dice, std::size_t number, std::string& does) {
  Step step;
  step.name = fmt::format("t{}", number);
  does = dice.one_in(2) ? "same" : fmt::format("other{}", dice.below(3));
  step.script = "{{$.inputs.parameters['in']}} {{$.outputs.parameters['out'].output_file}}";
  if (dice.one_in(3)) {
    does += "-with-artifact";
    step.script += fmt::format(" {{{{$.outputs.artifacts['{}'].path}}}}", kArtifact);
  }
  step.script = does + " " + step.script;
  step.retries = static_cast<int>(dice.below(3));
  if (number > 0 && dice.one_in(2)) step.after = {fmt::format("t{}", dice.below(number))};
  if (!step.after.empty() && dice.one_in(2)) step.reads = step.after.front();
  step.always = step.reads.empty() && dice.one_in(6);
  return step;
}

inline void declare_artifact(Value& spec, const std::string& task) {
  const Value type = Value::object({{"schemaTitle", "system.Model"}, {"schemaVersion", "0.0.1"}});
  spec.child("components")
      .child("comp-" + task)
      .child("outputDefinitions")
      .child("artifacts")
      .set(kArtifact, Value::object({{"artifactType", type}}));
}

inline RandomPipeline random_pipeline(Dice& dice) {
  RandomPipeline made;
  std::vector<Step> steps;
  const std::size_t count = 1 + dice.below(4);
  for (std::size_t i = 0; i < count; ++i) {
    std::string does;
    steps.push_back(random_step(dice, i, does));
    made.does[steps.back().name] = does;
  }
  made.spec = make_pipeline(steps);
  for (const auto& [task, does] : made.does) {
    if (does.ends_with("-with-artifact")) declare_artifact(made.spec, task);
  }
  for (auto& [name, task] : made.spec.child("root").child("dag").child("tasks").as_object()) {
    if (!dice.one_in(3)) task.set("cachingOptions", Value::object({{"enableCache", true}}));
    if (dice.one_in(3) && task.has("retryPolicy")) task.child("retryPolicy").set("backoffDuration", "2s");
  }
  if (dice.one_in(6)) made.run_deadline = 60;
  if (dice.one_in(6)) made.task_deadline = 20;
  if (made.run_deadline == 0 && made.task_deadline == 0) return made;
  Value kubernetes = Value::object();
  if (made.run_deadline > 0) kubernetes.child("pipelineConfig").set("activeDeadlineSeconds", made.run_deadline);
  if (made.task_deadline > 0) {
    kubernetes.child("deploymentSpec")
        .child("executors")
        .child("exec-t0")
        .set("activeDeadlineSeconds", made.task_deadline);
  }
  made.spec =
      Value::object({{"pipeline_spec", made.spec},
                     {"platform_spec", Value::object({{"platforms", Value::object({{"kubernetes", kubernetes}})}})}});
  return made;
}

}  // namespace millrace::pipelines::runner
