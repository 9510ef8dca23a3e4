#pragma once
// Whether earlier successes may be used in place of a pipeline's tasks. Pure.

#include "base/value.h"

namespace millrace::pipelines {

// Every task of the pipeline runs: no cachingOptions are left. `pipeline`: the IR, or {pipeline_spec, platform_spec}.
void disable_caching(Value& pipeline);

}  // namespace millrace::pipelines
