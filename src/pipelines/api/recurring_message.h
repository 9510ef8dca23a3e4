#pragma once
// A recurring run as the API's message. Source: kubeflow/pipelines backend/api/v2beta1/recurring_run.proto.

#include "base/value.h"
#include "pipelines/schedule/recurring_rows.h"

namespace millrace::pipelines::api {

// `spec`: the pipeline where it came with the recurring run; else null.
Value to_message(const schedule::RecurringRun& recurring, Value spec);

}  // namespace millrace::pipelines::api
