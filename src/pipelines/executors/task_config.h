#pragma once
// What a component learns of its own settings, where it asks for them (dsl.TaskConfig): resources, environment,
// volumes and placement as fragments of a Kubernetes pod, for something that the component starts itself. Pure.
// Source: kubeflow/pipelines backend/src/v2/driver (TaskConfig), sdk/python/kfp/dsl/task_config.py.

#include "base/result.h"
#include "pipelines/engine/engine.h"
#include "pipelines/executors/placeholders.h"
#include "pipelines/executors/process.h"

namespace millrace::pipelines::executors {

// `passed`: Executor::passed_on. Names and selectors that a parameter left open are left out.
Result<Value> task_config(const Executor& passed, const RunContext& run, const engine::Node& node,
                          const PlaceholderContext& context);

}  // namespace millrace::pipelines::executors
