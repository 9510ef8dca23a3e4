#pragma once
// A run and its tasks as the API's messages. Source: kubeflow/pipelines backend/api/v2beta1/run.proto.

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/value.h"
#include "pipelines/engine/engine.h"
#include "pipelines/pipelines.h"
#include "pipelines/runner/records.h"

namespace millrace::pipelines::api {

// Without pipeline_spec, which stands in a table of its own, and run_details, which only a single run has.
Value to_message(const runner::RunRecord& run);

// What run_details are made of. `events` may be empty where no task was tried twice: they only add what became of the
// attempts before the last.
struct RunParts {
  const runner::RunRecord& run;
  const std::vector<TaskView>& tasks;
  const std::map<std::string, std::int64_t, std::less<>>& artifact_ids;  // by uri
  const std::vector<engine::Event>& events;
};
Value run_details(const RunParts& parts);

// What an attempt before the last is called, in failed_main_jobs and where its log is asked for.
std::string attempt_name(const TaskView& task, int attempt);

}  // namespace millrace::pipelines::api
