#pragma once
// The command line of a component: its arguments are a table (data), read into one object of typed values.

#include <algorithm>
#include <array>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/value.h"

namespace millrace::components {

// String, Integer, Bool, JsonObject and JsonArray as KFP names them; `number` is published as a String and read as a
// float. Objects and arrays may be JSON or YAML; empty text is null. `truth` is a Bool that is true for any text but
// the empty one, as the published RoboMaker components read it.
enum class ArgumentType { string, integer, number, boolean, truth, object, array };

inline constexpr std::string_view kNone = {};  // the preset of an argument that is null when it is not given

struct ArgumentSpec {
  std::string_view name;
  ArgumentType type = ArgumentType::string;
  std::string_view preset = "";  // as it would stand on the command line, or kNone; unused when required
  bool required = false;
  std::string_view choices = {};  // separated by '|'; an empty choice allows an empty value; empty: anything
};

// Tables of arguments one after the other: what several components have in common stands in one table.
template <std::size_t... N>
constexpr auto argument_table(const std::array<ArgumentSpec, N>&... tables) {
  std::array<ArgumentSpec, (N + ...)> all{};
  auto next = all.begin();
  ((next = std::copy(tables.begin(), tables.end(), next)), ...);
  return all;
}

// Where a command line could not be read: what its reader exits with, by the error's code.
inline constexpr int kUnreadableText = 1;  // Code::data_loss: text that is neither JSON nor YAML
inline constexpr int kWrongArgument = 2;   // any other

struct Arguments {
  Value inputs = Value::object();                   // every argument of the table, typed; null where empty or kNone
  std::map<std::string, std::string> output_paths;  // output's name to the file it goes to

  std::string text(std::string_view name) const { return inputs[name].string_or(); }
  std::int64_t integer(std::string_view name) const { return inputs[name].int_or(0); }
  double number(std::string_view name) const { return inputs[name].double_or(0); }
  bool flag(std::string_view name) const { return inputs[name].bool_or(false); }
  bool given(std::string_view name) const;  // Python's truth: not empty, not 0, not false
};

// An argument that has to be an object (an array): empty text is null, which the published components cannot use
// either. Errors: invalid_argument, a sentence that names it.
Result<Value> object_of(const Arguments& arguments, std::string_view name);
Result<Value> array_of(const Arguments& arguments, std::string_view name);

// Where an output goes when the command line does not say: /tmp/<output>, /tmp/outputs/<output>/data.
enum class OutputPlace { tmp, outputs_folder };

// Reads `--name value` and `--name=value`. `outputs` are arguments as well: `--<output>_output_path FILE`.
// Errors: one sentence that names the argument; data_loss for text that is neither JSON nor YAML, else
// invalid_argument.
Result<Arguments> parse_arguments(std::span<const ArgumentSpec> table, std::span<const std::string_view> outputs,
                                  const std::vector<std::string>& words, OutputPlace place = OutputPlace::tmp);

}  // namespace millrace::components
