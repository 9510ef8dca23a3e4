#pragma once
// A run and its tasks as the API's messages. Source: kubeflow/pipelines backend/api/v2beta1/run.proto.

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/value.h"
#include "pipelines/engine/engine.h"
#include "pipelines/pipelines.h"
#include "pipelines/runner/records.h"
#include "pipelines/runner/task_rows.h"

namespace millrace::pipelines::api {

// What upstream notes where a run names none. Tasks here have no Kubernetes account.
constexpr std::string_view kServiceAccount = "pipeline-runner";

// Without pipeline_spec, which stands in a table of its own, and run_details, which only a single run has.
Value to_message(const runner::RunRecord& run);

// The tasks of a run as messages, one by one: a run may have tens of thousands.
class TaskMessages {
 public:
  using ArtifactIds = std::map<std::string, std::int64_t, std::less<>>;  // by uri
  // `events` may be empty where no task was tried twice: they only add what became of the attempts before the last.
  TaskMessages(std::string run_id, const std::vector<runner::TaskOutline>& tasks, ArtifactIds artifact_ids,
               const std::vector<engine::Event>& events);
  Value message(const TaskView& task) const;

 private:
  std::string run_id_;
  ArtifactIds artifact_ids_;
  std::map<std::string, Value, std::less<>> children_;  // by the parent's id: child_tasks
  std::map<std::string, Value, std::less<>> tried_;     // by the id of a task that was tried more than once: its states
};

// What an attempt before the last is called, in failed_main_jobs and where its log is asked for.
std::string attempt_name(const TaskView& task, int attempt);

}  // namespace millrace::pipelines::api
