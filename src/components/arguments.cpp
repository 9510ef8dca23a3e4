#include "components/arguments.h"

#include <algorithm>
#include <optional>

#include <fmt/core.h>

#include "base/json.h"
#include "base/python_text.h"
#include "base/strings.h"
#include "base/yaml.h"

namespace millrace::components {
namespace {

constexpr std::string_view kOutputSuffix = "_output_path";
constexpr std::size_t kLongestEcho = 80;  // of a wrong value, in an error

std::string echo(std::string_view value) {
  if (value.size() <= kLongestEcho) return fmt::format("'{}'", value);
  return fmt::format("'{}…'", value.substr(0, kLongestEcho));
}

tl::unexpected<Error> refuse(const ArgumentSpec& spec, std::string_view value, std::string_view wanted) {
  return fail(Code::invalid_argument, fmt::format("argument --{}: {} is not {}.", spec.name, echo(value), wanted));
}

// The words Python's strtobool knows.
std::optional<bool> boolean(std::string_view text) {
  static constexpr std::string_view kYes[] = {"y", "yes", "t", "true", "on", "1"};
  static constexpr std::string_view kNo[] = {"n", "no", "f", "false", "off", "0"};
  const std::string word = to_lower(text);
  if (std::ranges::find(kYes, word) != std::end(kYes)) return true;
  if (std::ranges::find(kNo, word) != std::end(kNo)) return false;
  return std::nullopt;
}

Result<Value> json_or_yaml(const ArgumentSpec& spec, const std::string& text) {
  if (text.empty()) return Value();
  if (auto value = parse_json(text)) return std::move(*value);
  if (auto value = parse_yaml(text)) return std::move(*value);
  return fail(Code::data_loss, fmt::format("argument --{}: {} is neither JSON nor YAML.", spec.name, echo(text)));
}

// Python's int() and float() take underscores between digits.
std::string without_underscores(std::string_view text) {
  std::string out;
  const auto digit = [&](std::size_t i) { return i < text.size() && text[i] >= '0' && text[i] <= '9'; };
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '_' || i == 0 || !digit(i - 1) || !digit(i + 1)) out += text[i];
  }
  return out;
}

Result<Value> read(const ArgumentSpec& spec, const std::string& text) {
  switch (spec.type) {
    case ArgumentType::string:
      if (!spec.choices.empty()) {
        const auto choices = split(spec.choices, '|');
        if (std::ranges::find(choices, text) == choices.end()) {
          return refuse(spec, text, "one of " + replace_all(std::string(spec.choices), "|", ", "));
        }
      }
      return Value(text);
    case ArgumentType::integer:
      if (const auto integer = parse_int(without_underscores(trim(text)))) return Value(*integer);
      return refuse(spec, text, "an integer");
    case ArgumentType::number:
      if (const auto number = parse_double(without_underscores(trim(text)))) return Value(*number);
      return refuse(spec, text, "a number");
    case ArgumentType::boolean:
      if (const auto flag = boolean(text)) return Value(*flag);
      return refuse(spec, text, "a boolean (True or False)");
    case ArgumentType::truth:
      return Value(!text.empty());
    case ArgumentType::object: {
      Value value = MR_TRY(json_or_yaml(spec, text));
      if (value.is_object() || value.is_null()) return value;
      return refuse(spec, text, "a JSON object");
    }
    case ArgumentType::array: {
      Value value = MR_TRY(json_or_yaml(spec, text));
      if (value.is_array() || value.is_null()) return value;
      return refuse(spec, text, "a JSON array");
    }
  }
  return Value();
}

// Every word in place: name (without dashes) to value. The last one wins, as in argparse.
Result<std::map<std::string, std::string>> pairs(const std::vector<std::string>& words) {
  std::map<std::string, std::string> given;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (!words[i].starts_with("--") || words[i].size() == 2) {
      return fail(Code::invalid_argument,
                  fmt::format("{} is not an argument: arguments are --name VALUE.", echo(words[i])));
    }
    const std::string_view word = std::string_view(words[i]).substr(2);
    if (const std::size_t equals = word.find('='); equals != std::string_view::npos) {
      given[std::string(word.substr(0, equals))] = word.substr(equals + 1);
    } else if (i + 1 < words.size()) {
      given[std::string(word)] = words[++i];
    } else {
      return fail(Code::invalid_argument, fmt::format("argument --{}: a value is missing.", word));
    }
  }
  return given;
}

std::string preset_path(OutputPlace place, std::string_view output) {
  return place == OutputPlace::tmp ? fmt::format("/tmp/{}", output) : fmt::format("/tmp/outputs/{}/data", output);
}

}  // namespace

bool Arguments::given(std::string_view name) const { return python_truth(inputs[name]); }

Result<Value> object_of(const Arguments& arguments, std::string_view name) {
  if (arguments.inputs[name].is_object()) return arguments.inputs[name];
  return fail(Code::invalid_argument, fmt::format("argument --{}: empty text is not an object.", name));
}

Result<Value> array_of(const Arguments& arguments, std::string_view name) {
  if (arguments.inputs[name].is_array()) return arguments.inputs[name];
  return fail(Code::invalid_argument, fmt::format("argument --{}: empty text is not an array.", name));
}

Result<Arguments> parse_arguments(std::span<const ArgumentSpec> table, std::span<const std::string_view> outputs,
                                  const std::vector<std::string>& words, OutputPlace place) {
  auto given = MR_TRY(pairs(words));
  Arguments arguments;
  for (const ArgumentSpec& spec : table) {
    auto node = given.extract(std::string(spec.name));
    if (!node && spec.required) {
      return fail(Code::invalid_argument, fmt::format("argument --{} is required.", spec.name));
    }
    if (!node && spec.preset.data() == nullptr) {
      arguments.inputs.set(spec.name, Value());
    } else {
      arguments.inputs.set(spec.name, MR_TRY(read(spec, node ? node.mapped() : std::string(spec.preset))));
    }
  }
  for (const std::string_view output : outputs) {
    auto node = given.extract(fmt::format("{}{}", output, kOutputSuffix));
    arguments.output_paths[std::string(output)] = node ? node.mapped() : preset_path(place, output);
  }
  if (!given.empty()) {
    return fail(Code::invalid_argument, fmt::format("argument --{} is not known.", given.begin()->first));
  }
  return arguments;
}

}  // namespace millrace::components
