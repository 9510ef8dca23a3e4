#include "pipelines/v1/compiled.h"

#include <algorithm>

#include <fmt/core.h>

#include "base/json.h"

namespace millrace::pipelines::v1 {
namespace {

std::string where(const Place& place) {
  return place.at.line > 0 ? fmt::format("line {}, {}", place.at.line, place.path) : place.path;
}

}  // namespace

tl::unexpected<Error> Place::wrong(std::string_view what) const {
  return fail(Code::invalid_argument, fmt::format("{}: {}", where(*this), what));
}
tl::unexpected<Error> Place::refused(std::string_view what) const {
  return fail(Code::unimplemented, fmt::format("{}: {}, so the pipeline is refused", where(*this), what));
}
tl::unexpected<Error> Place::here(const Error& error) const {
  return error.code == Code::unimplemented ? refused(error.message) : wrong(error.message);
}

Status only_known(const Place& place, std::initializer_list<std::string_view> known) {
  if (!place.at.is_null() && !place.at.is_object())
    return place.wrong(fmt::format("an object is expected, not {}", place.at.kind_with_article()));
  for (const auto& [name, member] : place.at.members()) {
    if (std::find(known.begin(), known.end(), name) == known.end() && !member.is_null())
      return Place{member, place.path + "." + name}.refused(fmt::format("{} is not executed by Millrace", name));
  }
  return {};
}

Result<std::string> scalar_text(const Place& place) {
  if (place.at.is_string()) return place.at.as_string();
  if (place.at.is_number() || place.at.is_bool()) return to_json(place.at);
  return place.wrong(fmt::format("text is expected, not {}", place.at.kind_with_article()));
}

Status read_parameters(const Place& inputs, Compiled& compiled) {
  for (const Value& parameter : inputs.at["parameters"].items()) {
    const Place at{parameter, inputs.path + ".parameters"};
    MR_TRY(only_known(at, {"name", "value", "default", "description", "enum"}));
    std::optional<std::string> value;
    for (const char* field : {"default", "value"}) {
      if (parameter.has(field)) value = MR_TRY(scalar_text(at.in(field)));
    }
    compiled.parameters[parameter["name"].string_or()] = std::move(value);
  }
  return {};
}

std::string workflow_input(std::string_view parameter) { return fmt::format("workflow.parameters.{}", parameter); }

std::string placeholder_of_the_run(Tag::Kind kind, const Value& spec) {
  switch (kind) {
    case Tag::Kind::workflow_name:
      return "{{$.pipeline_job_resource_name}}";
    case Tag::Kind::workflow_title:
      return "{{$.pipeline_job_name}}";
    case Tag::Kind::workflow_uid:
      return "{{$.pipeline_job_uuid}}";
    case Tag::Kind::workflow_namespace:
      return "kubeflow";
    case Tag::Kind::workflow_created:
      return "{{$.pipeline_job_create_time_utc}}";
    case Tag::Kind::workflow_account:
      return spec["serviceAccountName"].string_or("pipeline-runner");
    case Tag::Kind::pod_name:
      return "{{$.pod_name}}";
    default:
      return "";
  }
}

Value text_definition() { return Value::object({{"parameterType", "STRING"}}); }
Value file_definition() {
  return Value::object(
      {{"artifactType", Value::object({{"schemaTitle", "system.Artifact"}, {"schemaVersion", "0.0.1"}})}});
}
Value constant_source(Value constant) {
  return Value::object({{"runtimeValue", Value::object({{"constant", std::move(constant)}})}});
}

}  // namespace millrace::pipelines::v1
