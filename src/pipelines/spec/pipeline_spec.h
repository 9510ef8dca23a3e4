#pragma once
// KFP's intermediate representation (IR) as typed structs. Pure.
// Source: kubeflow/pipelines api/v2alpha1/pipeline_spec.proto, schema version 2.1.0, and
// kubernetes_platform/proto/kubernetes_executor_config.proto.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/value.h"
#include "pipelines/expr/expression.h"
#include "pipelines/spec/executor.h"

namespace millrace::pipelines {

enum class ParameterType { number_double, number_integer, string, boolean, list, structure };
std::string_view parameter_type_name(ParameterType type);  // "NUMBER_INTEGER"
// Does the value have this type? Integral doubles are integers (JSON has one number type).
bool has_type(const Value& value, ParameterType type);

struct ParameterSpec {
  ParameterType type = ParameterType::string;
  bool optional = false;
  std::optional<Value> default_value;
  std::vector<Value> literals;  // the allowed values; empty: any
};

struct ArtifactSpec {
  std::string schema_title, schema_version;
  bool optional = false;
  bool is_list = false;
};

struct ArtifactSource {
  enum class Kind { component_input, task_output } kind = Kind::component_input;
  std::string name, producer, output_key;
};

struct RetryPolicy {
  std::int64_t max_retries = 0;
  double backoff_seconds = 0, backoff_factor = 2, backoff_max_seconds = 3600;
};

// ParallelFor: the task's dag runs once for each item.
struct Iterator {
  std::optional<Value> items;  // a list that stands in the pipeline, …
  std::string input;           // … or the input parameter that holds one, …
  bool artifacts = false;      // … or the input artifact that is one
  std::string item;            // the dag's input that gets the item
  std::size_t limit = 0;       // iterations at once; 0: no limit
};

struct Task {
  std::string name;  // its key in the dag
  std::string display_name;
  std::string component;
  std::vector<std::string> after;     // dependentTasks
  std::vector<std::string> upstream;  // after and data edges, each once
  std::map<std::string, ParameterSource> parameters;
  std::map<std::string, ArtifactSource> artifacts;
  bool runs_after_failure = false;            // ALL_UPSTREAM_TASKS_COMPLETED
  std::optional<expr::Expression> condition;  // false: the task is skipped
  std::optional<Iterator> iterator;           // its component is a dag
  RetryPolicy retry;                          // of a task that is a dag: the whole group again
  bool cached = false;                        // an earlier success with the same inputs may be reused
  std::string cache_key;                      // … or one with the same key
};

struct OutputSource {
  std::string producer, output_key;
};

struct Dag {
  std::vector<Task> tasks;
  // The component's outputs: of several sources (OneOf) the first counts whose task succeeded and left one.
  std::map<std::string, std::vector<OutputSource>> parameters, artifacts;
  const Task* find(std::string_view name) const;
};

struct Component {
  std::string name;
  std::map<std::string, ParameterSpec> parameters;
  std::map<std::string, ArtifactSpec> artifacts;
  std::map<std::string, ParameterType> output_parameters;
  std::map<std::string, ArtifactSpec> output_artifacts;
  std::map<PassedField, bool> passed_on;  // settings that dsl.TaskConfig holds; true: the task itself gets them, too
  std::string task_config;                // the input parameter that gets it; empty: none
  std::string executor;                   // a leaf names its executor, …
  std::optional<Dag> dag;                 // … anything else has a dag
};

struct PipelineSpec {
  std::string name, display_name, description, default_root;
  std::int64_t deadline_seconds = 0;  // of the run (Kubernetes' pipelineConfig); 0: none
  std::size_t parallelism = 0;        // tasks of a run at once; 0: no limit. Only workflows of the SDK 1.8 say it
  bool has_workspace = false;         // a directory that the run's tasks share
  Component root;
  std::map<std::string, Component> components;
  std::map<std::string, Executor> executors;
};

// `spec` is the IR document; `platform` the second document of a package (null: none). Errors: invalid_argument, one
// sentence with line and path ("line 14, root.dag.tasks.train.inputs.parameters.x: …"); unimplemented, naming a feature
// that is refused because it is not executed yet.
Result<PipelineSpec> parse_pipeline_spec(const Value& spec, const Value& platform);

// A package file: YAML or JSON, one or two documents, or {pipeline_spec, platform_spec}. Errors as above; for something
// that is no pipeline at all one sentence says so.
struct Package {
  Value spec, platform;
  Value workflow = Value();  // what they were translated from, where it was a workflow of the SDK 1.8 (v1/workflow.h)
};
Result<Package> read_package(std::string_view text);
Result<Package> unwrap_package(const Value& value);  // the `pipeline_spec` member of the API's messages

}  // namespace millrace::pipelines
