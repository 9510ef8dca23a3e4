#pragma once
// Why an attempt failed, in one sentence: how its process ended, and what of its log says the cause.
//
// The cause is what the task wrote to its standard error, of which the log has everything, and more: programs keep
// what they print to a file until they end, so that it comes after the exception that ended them. Of a Python traceback
// it is the exception, of anything else the last line. What is not the task's own fault, a program or a package that
// its image has and this machine has not, is said with what helps.

#include <string>
#include <string_view>

#include "pipelines/engine/engine.h"
#include "pipelines/executors/process.h"

namespace millrace::pipelines::executors {

std::string describe_failure(const Options& options, const Hooks& hooks, const RunContext& run,
                             const engine::Node& node, const Executor& executor, const work::WorkStatus& status);

// The cause in the text of a log. Empty: there is none.
std::string find_cause(std::string_view log);

}  // namespace millrace::pipelines::executors
