#include "app/cli/parameters.h"

#include <algorithm>

#include <fmt/core.h>

#include "base/file.h"
#include "base/json.h"
#include "base/strings.h"

namespace millrace::app {
namespace {

using pipelines::ParameterType;
constexpr std::size_t kMaxFile = 16u << 20;  // of one parameter
constexpr std::size_t kShown = 60;           // characters of a value in an error

tl::unexpected<Error> not_a(const std::string& name, ParameterType type, const std::string& text,
                            std::string_view expected) {
  const std::string shown = text.size() > kShown ? text.substr(0, kShown) + "…" : text;
  return fail(Code::invalid_argument, fmt::format("the parameter {} is a {}: \"{}\" is not {}", name,
                                                  pipelines::parameter_type_name(type), shown, expected));
}

Result<Value> typed(const std::string& name, ParameterType type, const std::string& text) {
  const std::string_view trimmed = trim(text);
  switch (type) {
    case ParameterType::string:
      return Value(text);
    case ParameterType::number_integer:
      if (const auto number = parse_int(trimmed)) return Value(*number);
      return not_a(name, type, text, "a whole number");
    case ParameterType::number_double:
      if (const auto whole = parse_int(trimmed)) return Value(*whole);
      if (const auto number = parse_double(trimmed)) return Value(*number);
      return not_a(name, type, text, "a number");
    case ParameterType::boolean:
      if (equals_ignore_case(trimmed, "true")) return Value(true);
      if (equals_ignore_case(trimmed, "false")) return Value(false);
      return not_a(name, type, text, "true or false");
    case ParameterType::list:
    case ParameterType::structure:
      break;
  }
  const bool list = type == ParameterType::list;
  auto value = parse_json(text);
  if (value && (list ? value->is_array() : value->is_object())) return value;
  return not_a(name, type, text, list ? "a JSON list such as [1, 2]" : "a JSON object such as {\"a\": 1}");
}

Result<std::string> text_of(const std::string& name, const std::string& given) {
  if (given.starts_with("@@")) return given.substr(1);
  if (!given.starts_with('@')) return given;
  auto text = read_file(given.substr(1), kMaxFile);
  if (!text) return fail(Code::invalid_argument, fmt::format("the parameter {}: {}", name, text.error().message));
  return text;
}

// Those that are given, with what is wrong with them.
Value read_given(const pipelines::PipelineSpec& spec, const std::vector<std::string>& given,
                 std::vector<std::string>& problems) {
  Value parameters = Value::object();
  std::vector<std::string> known;
  for (const auto& [name, parameter] : spec.root.parameters) known.push_back(name);
  for (const std::string& argument : given) {
    const std::size_t equals = argument.find('=');
    if (equals == std::string::npos || equals == 0) {
      problems.push_back(fmt::format("-p {}: a parameter is given as name=value", argument));
      continue;
    }
    const std::string name = argument.substr(0, equals);
    const auto parameter = spec.root.parameters.find(name);
    if (parameter == spec.root.parameters.end()) {
      problems.push_back(fmt::format("the pipeline has no parameter {}; {}", name,
                                     known.empty() ? "it has none at all" : "it has " + join(known, ", ")));
    } else if (parameters.has(name)) {
      problems.push_back(fmt::format("the parameter {} is given twice", name));
    } else {
      auto text = text_of(name, argument.substr(equals + 1));
      auto value = text ? type_parameter(name, parameter->second, *text) : Result<Value>(fail(text.error()));
      // Given, if wrongly: it is not missing as well.
      if (!value) problems.push_back(value.error().message);
      parameters.set(name, value ? std::move(*value) : Value());
    }
  }
  return parameters;
}

}  // namespace

Result<Value> type_parameter(const std::string& name, const pipelines::ParameterSpec& spec, const std::string& text) {
  Value value = MR_TRY(typed(name, spec.type, text));
  if (spec.literals.empty() || std::find(spec.literals.begin(), spec.literals.end(), value) != spec.literals.end())
    return value;
  std::vector<std::string> allowed;
  for (const Value& literal : spec.literals) allowed.push_back(to_json(literal));
  return fail(Code::invalid_argument, fmt::format("the parameter {} may be {}", name, join(allowed, ", ")));
}

Result<Value> type_parameters(const pipelines::PipelineSpec& spec, const std::vector<std::string>& given) {
  return replace_parameters(spec, Value::object(), given);
}

Result<Value> replace_parameters(const pipelines::PipelineSpec& spec, const Value& had,
                                 const std::vector<std::string>& given) {
  std::vector<std::string> problems;
  Value parameters = read_given(spec, given, problems);
  for (const auto& [name, value] : had.members()) {
    if (!parameters.has(name)) parameters.set(name, value);
  }
  for (const auto& [name, parameter] : spec.root.parameters) {
    if (parameter.optional || parameter.default_value || parameters.has(name)) continue;
    problems.push_back(fmt::format("the parameter {} ({}) is missing: add -p {}=…", name,
                                   pipelines::parameter_type_name(parameter.type), name));
  }
  if (!problems.empty()) return fail(Code::invalid_argument, join(problems, "\n"));
  return parameters;
}

}  // namespace millrace::app
