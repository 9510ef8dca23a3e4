#pragma once
// What the runs of a recurring run are called. Source: kubeflow/pipelines backend/src/apiserver/template (the name of a
// ScheduledWorkflow), backend/src/crd/controller/scheduledworkflow/util/scheduled_workflow.go (NextResourceName).

#include <cstdint>
#include <string>
#include <string_view>

namespace millrace::pipelines::schedule {

// "Every Day!" → "everydayx7k2p": lower-case letters, digits and hyphens of the name, 25 at most, and five at random.
std::string make_resource_name(std::string_view display_name);

// "everydayx7k2p-3-1804289383": with the index and a hash, so that a name cut short stays one of its own.
std::string run_name(std::string_view resource_name, std::int64_t index);

}  // namespace millrace::pipelines::schedule
