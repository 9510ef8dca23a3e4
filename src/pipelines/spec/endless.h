#pragma once
// Does a component contain itself, and nothing on the way could end it? Pure.

#include <optional>
#include <string>

#include "pipelines/spec/pipeline_spec.h"

namespace millrace::pipelines {

// The task by which the first such component comes back to itself. A condition is a way out whatever it says, and so is
// a loop over items that is only known during the run; what waits for a task with a way out has one too.
struct Endless {
  std::string component, task;
};
std::optional<Endless> find_endless(const PipelineSpec& pipeline);

}  // namespace millrace::pipelines
