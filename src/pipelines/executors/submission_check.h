#pragma once
// What a pipeline's file, the run's parameters and this machine decide before anything runs: each task that is sure to
// be reached, or may be, is looked at with what is known of its inputs. What is only known during the run is left to
// it.

#include "base/result.h"
#include "base/value.h"
#include "pipelines/options.h"
#include "pipelines/spec/pipeline_spec.h"

namespace millrace::pipelines::executors {

// Accelerators, labels that the node has not, more than the machine has, mounts without a sandbox, and programs of
// images that are not run (only of tasks that are under no condition which is not settled yet). `parameters`: the
// run's, with defaults filled in; those that are not there are not known. Errors name the executor.
Status check_submission(const Options& options, const Hooks& hooks, const PipelineSpec& pipeline,
                        const Value& parameters);

// The run's parameters as far as the pipeline itself says them: its defaults.
Value default_parameters(const PipelineSpec& pipeline);

}  // namespace millrace::pipelines::executors
