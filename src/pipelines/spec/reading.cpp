#include "pipelines/spec/reading.h"

#include <algorithm>

#include <fmt/core.h>

namespace millrace::pipelines::reading {

tl::unexpected<Error> wrong(const Value& at, const std::string& path, std::string_view what) {
  const std::string where = at.line > 0 ? fmt::format("line {}, {}", at.line, path) : path;
  return fail(Code::invalid_argument, fmt::format("{}: {}", where, what));
}
tl::unexpected<Error> refused(const Value& at, const std::string& path, std::string_view feature) {
  const std::string where = at.line > 0 ? fmt::format("line {}, {}", at.line, path) : path;
  return fail(Code::unimplemented,
              fmt::format("{}: {} not executed by Millrace, so the pipeline is refused", where, feature));
}

Status only_known(const Value& object, const std::string& path, std::initializer_list<std::string_view> known) {
  for (const auto& [name, member] : object.members()) {
    if (std::find(known.begin(), known.end(), name) == known.end())
      return wrong(member, path + "." + name, "the IR has no such field here");
  }
  return {};
}

Result<std::vector<std::string>> strings(const Value& value, const std::string& path) {
  std::vector<std::string> out;
  if (!value.is_null() && !value.is_array()) return wrong(value, path, "a list of strings is expected");
  for (const Value& item : value.items()) {
    if (!item.is_string())
      return wrong(item, path, fmt::format("a string is expected, not {}", item.kind_with_article()));
    out.push_back(item.as_string());
  }
  return out;
}

namespace {

// The one selector that the SDK's compiler writes: parseJson(string_value)["key"].
Result<std::string> selected_member(const Value& selector, const std::string& path) {
  if (selector.is_null()) return std::string();
  constexpr std::string_view kBegin = "parseJson(string_value)[\"", kEnd = "\"]";
  const std::string text = selector.string_or();
  const bool known = text.size() > kBegin.size() + kEnd.size() && text.starts_with(kBegin) && text.ends_with(kEnd);
  const std::string key = known ? text.substr(kBegin.size(), text.size() - kBegin.size() - kEnd.size()) : "";
  if (key.empty() || key.find_first_of("\"\\") != std::string::npos)
    return wrong(selector, path, fmt::format("the selector {} is not known", text));
  return key;
}

}  // namespace

Result<ParameterSource> parse_parameter_source(const Value& value, const std::string& path) {
  MR_TRY(only_known(value, path,
                    {"componentInputParameter", "taskOutputParameter", "runtimeValue", "taskFinalStatus",
                     "ownInputParameter", "parameterExpressionSelector"}));
  ParameterSource source;
  if (value.has("taskFinalStatus")) {
    source.kind = ParameterSource::Kind::final_status;
    source.producer = value["taskFinalStatus"]["producerTask"].string_or();
  } else if (value.has("ownInputParameter")) {
    source.kind = ParameterSource::Kind::own_input;
    source.name = value["ownInputParameter"].string_or();
  } else if (value.has("componentInputParameter")) {
    source.kind = ParameterSource::Kind::component_input;
    source.name = value["componentInputParameter"].string_or();
  } else if (value.has("taskOutputParameter")) {
    source.kind = ParameterSource::Kind::task_output;
    source.producer = value["taskOutputParameter"]["producerTask"].string_or();
    source.output_key = value["taskOutputParameter"]["outputParameterKey"].string_or();
  } else if (value["runtimeValue"].has("constant")) {
    source.constant = value["runtimeValue"]["constant"];
  } else if (value["runtimeValue"].has("runtimeParameter")) {
    source.kind = ParameterSource::Kind::component_input;
    source.name = value["runtimeValue"]["runtimeParameter"].string_or();
  } else {
    return wrong(value, path, "the parameter has no source");
  }
  source.member = MR_TRY(selected_member(value["parameterExpressionSelector"], path));
  return source;
}

}  // namespace millrace::pipelines::reading
