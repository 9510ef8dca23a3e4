#pragma once
// JSON as Python's json module writes and reads it: with NaN, Infinity and -Infinity, which JSON has not. A diverged
// training logs them as metrics. Within the program, and in the answers of its APIs, they are the strings of these
// names, as protobuf's JSON has them; what a Python component gets are numbers again. Pure.

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/value.h"

namespace millrace::pipelines::executors {

// Numbers that are not finite are reals of that value. Errors: as parse_json().
Result<Value> parse_python_json(std::string_view text);
// The first in it, by its name; nullopt: there is none.
std::optional<std::string_view> find_non_finite(const Value& value);
// Each as the string of its name.
Value with_named_numbers(const Value& value);

// An ExecutorInput for Python: names that represent numbers in the metadata of metrics are the numbers.
std::string python_json_of_input(const Value& executor_input);

}  // namespace millrace::pipelines::executors
