#pragma once
// podman or docker, as programs: which one there is, and how it is asked.

#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "work/workload.h"

namespace millrace::work {

// The engine to use: `given`, else podman, else docker on PATH. Errors: failed_precondition, one sentence, where none
// is there or it does not answer.
Result<std::filesystem::path> find_container_engine(const std::string& given);

// Runs it with these arguments, its output thrown away, until it ends; its exit code. Errors: deadline_exceeded (it is
// killed then), the system's.
Result<int> ask_engine(const std::filesystem::path& engine, std::vector<std::string> arguments, Millis limit);

// Of this process's variables, those that the engine's client needs to find its configuration, its storage and its
// engine.
Variables engine_variables();
bool is_engine_variable(std::string_view name);

}  // namespace millrace::work
