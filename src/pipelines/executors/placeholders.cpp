#include "pipelines/executors/placeholders.h"

#include <fmt/core.h>

#include "base/json.h"
#include "base/strings.h"
#include "pipelines/executors/python_json.h"
#include "pipelines/executors/store.h"

namespace millrace::pipelines::executors {
namespace {

constexpr std::size_t kMaxDepth = 64;

// ".parameters['x'].output_file" → takes "parameters" or "['x']" off the front.
bool take_part(std::string_view& path, std::string_view& part) {
  if (path.starts_with("['")) {
    const std::size_t end = path.find("']", 2);
    if (end == std::string_view::npos) return false;
    part = path.substr(2, end - 2);
    path.remove_prefix(end + 2);
    return true;
  }
  if (!path.starts_with('.')) return false;
  path.remove_prefix(1);
  const std::size_t end = path.find_first_of(".[");
  part = path.substr(0, end);
  path = end == std::string_view::npos ? std::string_view() : path.substr(end);
  return !part.empty();
}

Result<std::string> artifact_field(const Value& artifacts, std::string_view name, std::string_view rest,
                                   std::string_view whole) {
  const auto& list = artifacts[name]["artifacts"].items();
  if (rest.empty() && artifacts.has(name)) return to_json(artifacts[name]["artifacts"]);  // a list of artifacts
  if (list.empty()) return std::string();
  std::string_view field, key;
  if (!take_part(rest, field))
    return fail(Code::invalid_argument, fmt::format("the placeholder {{{{${}}}}} is not known", whole));
  if (field == "uri") return list[0]["uri"].string_or();
  if (field == "path") return path_in_task(list[0]);
  if (field == "metadata") {
    if (rest.empty()) return to_json(list[0]["metadata"]);
    if (take_part(rest, key)) return text_of(list[0]["metadata"][key]);
  }
  return fail(Code::invalid_argument, fmt::format("the placeholder {{{{${}}}}} is not known", whole));
}

// "1.5e+300" → its digits, then zeros: as upstream writes numbers into command lines.
std::string without_exponent(std::string_view text) {
  const bool below = text.starts_with('-');
  if (below) text.remove_prefix(1);
  const std::size_t e = text.find('e'), point = std::min(text.find('.'), e);
  std::string digits(text.substr(0, point));
  if (point < e) digits += text.substr(point + 1, e - point - 1);
  // Digits before the point.
  const std::int64_t before =
      static_cast<std::int64_t>(point) + parse_int(text.substr(e + (text[e + 1] == '+' ? 2 : 1))).value_or(0);
  if (before <= 0) {
    digits = "0." + std::string(static_cast<std::size_t>(-before), '0') + digits;
  } else if (const auto whole = static_cast<std::size_t>(before); whole < digits.size()) {
    digits.insert(whole, ".");
  } else {
    digits.append(whole - digits.size(), '0');
  }
  return (below ? "-" : "") + digits;
}

// {{$}} and {{$.…}} are placeholders; {{$x}} is somebody else's, a template's in Go, say.
template <class Replace>
Result<std::string> each_placeholder(std::string_view text, Replace replace) {
  std::string out;
  while (true) {
    const std::size_t start = text.find("{{$");
    const std::size_t end = start == std::string_view::npos ? start : text.find("}}", start);
    if (end == std::string_view::npos) {
      out += text;
      return out;
    }
    out += text.substr(0, start);
    const std::string_view path = text.substr(start + 3, end - start - 3);
    if (!path.empty() && path[0] != '.') {
      out += text.substr(start, 3);
      text.remove_prefix(start + 3);
      continue;
    }
    out += MR_TRY(replace(path));
    text.remove_prefix(end + 2);
  }
}

// What a placeholder says of the run and the task; nullptr: it says nothing of them.
const std::string* fact(std::string_view name, const PlaceholderContext& context) {
  static constexpr std::pair<std::string_view, std::string PlaceholderContext::*> kFacts[] = {
      {"pipeline_job_name", &PlaceholderContext::job_name},
      {"pipeline_job_resource_name", &PlaceholderContext::job_resource_name},
      {"pipeline_job_uuid", &PlaceholderContext::job_id},
      {"pipeline_task_name", &PlaceholderContext::task_name},
      {"pipeline_task_uuid", &PlaceholderContext::task_id},
      {"pod_name", &PlaceholderContext::pod_name},  // of pipelines of the SDK 1.8: {{pod.name}}
      {"workspace_path", &PlaceholderContext::workspace_path},
      {"pipeline_root", &PlaceholderContext::pipeline_root},
      {"pipeline_job_create_time_utc", &PlaceholderContext::create_time},
      {"pipeline_job_schedule_time_utc", &PlaceholderContext::schedule_time}};
  for (const auto& [known, member] : kFacts) {
    if (name == known) return &(context.*member);
  }
  return nullptr;
}

Result<std::string> evaluate(std::string_view path, const PlaceholderContext& context) {
  const std::string_view whole = path;
  const Value& input = *context.executor_input;
  if (path.empty()) return python_json_of_input(input);
  const auto unknown = [&] {
    return fail(Code::invalid_argument, fmt::format("the placeholder {{{{${}}}}} is not known", whole));
  };
  std::string_view part, kind, name;
  if (!take_part(path, part)) return unknown();
  if (path.empty()) {
    if (const std::string* known = fact(part, context)) return *known;
    if (part == "outputMetadataUri") return input["outputs"]["outputFile"].string_or();
    return unknown();
  }
  if (part == "json_escape" || (part != "inputs" && part != "outputs") || !take_part(path, kind)) return unknown();
  if (part == "outputs" && kind == "output_file") return input["outputs"]["outputFile"].string_or();
  if (!take_part(path, name)) return unknown();
  if (part == "inputs" && kind == "parameters") return text_of(input["inputs"]["parameterValues"][name]);
  if (kind == "artifacts") return artifact_field(input[part]["artifacts"], name, path, whole);
  if (part == "outputs" && kind == "parameters" && path == ".output_file" && input["outputs"]["parameters"].has(name))
    return input["outputs"]["parameters"][name]["outputFile"].string_or();
  return unknown();
}

bool is_present(std::string_view name, const PlaceholderContext& context) {
  const Value& inputs = (*context.executor_input)["inputs"];
  return !inputs["parameterValues"][name].is_null() || inputs["artifacts"].has(name);
}

// One element of a command line: plain text, or one of the JSON forms.
Status append(std::vector<std::string>& out, const Value& element, const PlaceholderContext& context,
              std::size_t depth) {
  if (depth > kMaxDepth) return fail(Code::invalid_argument, "placeholders are nested too deeply");
  if (!element.is_object()) {
    out.push_back(MR_TRY(substitute(text_of(element), context)));
    return {};
  }
  if (element.has("Concat")) {
    std::vector<std::string> parts;
    for (const Value& part : element["Concat"].items()) MR_TRY(append(parts, part, context, depth + 1));
    std::string joined;
    for (const std::string& part : parts) joined += part;
    out.push_back(std::move(joined));
    return {};
  }
  if (element.has("IfPresent")) {
    const Value& form = element["IfPresent"];
    const Value& branch = is_present(form["InputName"].string_or(), context) ? form["Then"] : form["Else"];
    if (branch.is_array()) {
      for (const Value& part : branch.items()) MR_TRY(append(out, part, context, depth + 1));
    } else if (!branch.is_null()) {
      MR_TRY(append(out, branch, context, depth + 1));
    }
    return {};
  }
  out.push_back(MR_TRY(substitute(to_json(element), context)));
  return {};
}

}  // namespace

std::string text_of(const Value& value) {
  if (value.is_string()) return value.as_string();
  if (value.is_null()) return "";
  std::string text = to_json(value);
  return value.is_number() && text.find('e') != std::string::npos ? without_exponent(text) : text;
}

Result<std::string> substitute(std::string_view text, const PlaceholderContext& context) {
  return each_placeholder(text, [&](std::string_view path) { return evaluate(path, context); });
}

Value with_facts(const Value& value, const PlaceholderContext& context) {
  if (value.is_string()) {
    if (value.as_string().find("{{$.") == std::string::npos) return value;
    auto text = each_placeholder(value.as_string(), [&](std::string_view path) -> Result<std::string> {
      const std::string* known = path.empty() ? nullptr : fact(path.substr(1), context);
      return known != nullptr ? *known : fmt::format("{{{{${}}}}}", path);
    });
    return text ? Value(std::move(*text)) : value;
  }
  if (value.is_array()) {
    Value out = Value::array();
    for (const Value& item : value.items()) out.push(with_facts(item, context));
    return out;
  }
  if (value.is_object()) {
    Value out = Value::object();
    for (const auto& [key, item] : value.members()) out.as_object().emplace_back(key, with_facts(item, context));
    return out;
  }
  return value;
}

Result<Value> substitute_value(const Value& value, const PlaceholderContext& context) {
  if (value.is_string()) {
    if (value.as_string().find("{{$") == std::string::npos) return value;
    return Value(MR_TRY(substitute(value.as_string(), context)));
  }
  if (value.is_array()) {
    Value out = Value::array();
    for (const Value& item : value.items()) out.push(MR_TRY(substitute_value(item, context)));
    return out;
  }
  if (value.is_object()) {
    Value out = Value::object();
    for (const auto& [key, item] : value.members())
      out.as_object().emplace_back(MR_TRY(substitute(key, context)), MR_TRY(substitute_value(item, context)));
    return out;
  }
  return value;
}

Result<std::vector<std::string>> substitute_arguments(const std::vector<std::string>& arguments,
                                                      const PlaceholderContext& context) {
  std::vector<std::string> out;
  for (const std::string& argument : arguments) {
    const bool may_be_form = argument.starts_with("{\"Concat\"") || argument.starts_with("{\"IfPresent\"");
    const auto form = may_be_form ? parse_json(argument) : Result<Value>(Value(argument));
    MR_TRY(append(out, form ? *form : Value(argument), context, 0));
  }
  return out;
}

}  // namespace millrace::pipelines::executors
