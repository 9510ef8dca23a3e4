#pragma once
// The command line of a component: its arguments are a table (data), read into one object of typed values.

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/value.h"

namespace millrace::components {

// String, Integer, Bool, JsonObject and JsonArray as KFP names them; `number` is published as a String and read as a
// float. Objects and arrays may be JSON or YAML.
enum class ArgumentType { string, integer, number, boolean, object, array };

struct ArgumentSpec {
  std::string_view name;
  ArgumentType type = ArgumentType::string;
  std::string_view preset = {};  // as it would stand on the command line; unused when required
  bool required = false;
  std::string_view choices = {};  // separated by '|'; an empty choice allows an empty value; empty: anything
};

struct Arguments {
  Value inputs = Value::object();                   // every argument of the table, typed
  std::map<std::string, std::string> output_paths;  // output's name to the file it goes to

  std::string text(std::string_view name) const { return inputs[name].string_or(); }
  std::int64_t integer(std::string_view name) const { return inputs[name].int_or(0); }
  bool flag(std::string_view name) const { return inputs[name].bool_or(false); }
  bool given(std::string_view name) const;  // Python's truth: not empty, not 0, not false
};

// Reads `--name value` and `--name=value`. `outputs` are arguments as well: `--<output>_output_path FILE`, by default
// /tmp/<output>. Errors: invalid_argument, one sentence that names the argument.
Result<Arguments> parse_arguments(std::span<const ArgumentSpec> table, std::span<const std::string_view> outputs,
                                  const std::vector<std::string>& words);

}  // namespace millrace::components
