#pragma once
// A setting of the Kubernetes platform at the moment when its task starts. Pure.

#include "pipelines/engine/engine.h"

namespace millrace::pipelines::executors {

// What stands in the pipeline, or what the parameter holds that it comes from; null: nothing.
const Value& setting_of(const Setting& setting, const engine::Node& node);
// It comes from an optional parameter that was not given: as upstream, it is as if it were not there.
bool is_left_open(const Setting& setting, const engine::Node& node);
// A parameter that holds an object, or its JSON.
Value object_of(const Value& value);

}  // namespace millrace::pipelines::executors
