#pragma once
// Constants of a pipeline that refer to other inputs of the same task. Pure.
//
// The SDK writes f"{name}-x", where name is only known in the run, as the constant
// "{{$.inputs.parameters['pipelinechannel--name']}}-x" beside an input of that name. What the constant says has to be
// settled where it stands: a task within a nested pipeline gets the text handed down, but not the inputs that it names.

#include "base/value.h"

namespace millrace::pipelines::engine {

// The constant with each reference replaced by the text of the parameter (absent: nothing). A constant that is one
// reference and nothing else is the parameter's value itself; null where there is none. Other placeholders stay.
Value with_inputs(const Value& constant, const Value& parameters);

// May the constant refer to an input? false: with_inputs() would give it as it stands.
bool names_inputs(const Value& constant);

}  // namespace millrace::pipelines::engine
