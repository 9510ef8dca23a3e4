#pragma once
// What a task gets that is ready to start: its inputs, from where the pipeline says they come. Pure.

#include <string>

#include "pipelines/engine/engine.h"

namespace millrace::pipelines::engine {

// Fills the node's parameters, artifacts and settings (those of the executor; null: a dag's, which has none). false:
// one has no value or one of a wrong type, as `error` says.
bool resolve_inputs(Node& node, const Executor* executor, std::string& error);

// The value of an input as its type wants it.
bool fit_parameter(Node& node, const std::string& key, const ParameterSpec& spec, std::string& error);

}  // namespace millrace::pipelines::engine
