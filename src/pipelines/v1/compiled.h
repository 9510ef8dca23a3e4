#pragma once
// What the translation of one template leaves for those who call it.

#include <initializer_list>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/value.h"
#include "pipelines/v1/tags.h"

namespace millrace::pipelines::v1 {

// Where something stands: for errors.
struct Place {
  const Value& at;
  std::string path;
  Place in(std::string_view member) const { return {at[member], path + "." + std::string(member)}; }
  tl::unexpected<Error> wrong(std::string_view what) const;
  // "…: what, so the pipeline is refused".
  tl::unexpected<Error> refused(std::string_view what) const;
  // An error found without a place, put there.
  tl::unexpected<Error> here(const Error& error) const;
};

// Errors: unimplemented for the first member that is not among them.
Status only_known(const Place& place, std::initializer_list<std::string_view> known);
// Text, or a number or boolean as its text. Errors: anything else.
Result<std::string> scalar_text(const Place& place);

struct Compiled {
  std::string component;                                         // in the IR
  std::map<std::string, std::optional<std::string>> parameters;  // its inputs, and their defaults
  std::set<std::string> artifacts;                               // inputs that come as files
  std::map<std::string, Text> constants;                         // of them, those whose text stands in the template
  // What it needs of the run beside its own inputs, by the name of the component's input.
  std::set<std::string> of_the_run;
  std::set<std::string> output_parameters, output_artifacts;
  std::string display_name;
  bool cached = false;
  Value retry;  // retryPolicy; null: none
  std::int64_t parallelism = 0;
};

// The parameters of a template's `inputs`, with what it says of their values.
Status read_parameters(const Place& inputs, Compiled& compiled);

// The input that hands a workflow's parameter down to where it is used.
std::string workflow_input(std::string_view parameter);
constexpr std::string_view kStatusInput = "workflow.status";

// Documents that are filled while templates are translated.
struct Output {
  Value components = Value::object(), executors = Value::object(), platform = Value::object();
};

// container.cpp: `spec` is the workflow's.
Result<Compiled> compile_container(const Place& place, const Value& spec, const std::string& name, Output& output);
// resource.cpp: dsl.VolumeOp makes a claim, and its delete() is a container that says "kubectl delete".
Result<Compiled> compile_resource(const Place& place, const Value& spec, const std::string& name, Output& output);
bool deletes_claim(const Value& tmpl);
Result<Compiled> compile_deletion(const Place& place, const Value& spec, const std::string& name, Output& output);
// pod.cpp: volumes, node selectors and their like; fills the executor's configuration of the Kubernetes platform.
Status pod_settings(const Place& place, const Value& spec, Value& config);

// What a text becomes where only the run is known: placeholders of KFP.
std::string placeholder_of_the_run(Tag::Kind kind, const Value& spec);
// A component that hands nothing on but its own: {"parameterType": "STRING"} and its siblings.
Value text_definition();
Value file_definition();
Value constant_source(Value constant);

}  // namespace millrace::pipelines::v1
