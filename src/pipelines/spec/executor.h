#pragma once
// What a leaf component runs as: its container or importer, and the settings of the Kubernetes platform for it. Pure.
// Source: kubeflow/pipelines api/v2alpha1/pipeline_spec.proto (PipelineDeploymentConfig) and
// kubernetes_platform/proto/kubernetes_executor_config.proto.

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/value.h"

namespace millrace::pipelines {

// Where a task's parameter comes from.
struct ParameterSource {
  // own_input: of a setting that a workflow of the SDK 1.8 leaves to an input of the task itself.
  enum class Kind { component_input, task_output, constant, final_status, own_input } kind = Kind::constant;
  std::string name;        // component_input: the enclosing component's parameter; own_input
  std::string producer;    // task_output, final_status
  std::string output_key;  // task_output
  Value constant;
  std::string member;  // of the value, which is an object or its JSON; empty: the whole
};

// A setting that stands in the pipeline, or comes from Executor::sources[source] when the task starts.
struct Setting {
  Value value;
  int source = -1;  // -1: value
};

// A Secret or ConfigMap, its keys as environment variables …
struct KeysAsEnv {
  bool secret = false;  // else a config map
  Setting name;
  bool optional = false;
  std::vector<std::pair<std::string, std::string>> key_to_variable;
  std::optional<std::string> prefix = {};  // then every key is a variable, whose name begins with this
};
// … or as files of a directory.
struct KeysAsFiles {
  bool secret = false;
  Setting name;
  bool optional = false;
  std::string mount_path;
};

// A directory that outlives the task (claim), or one of its own (scratch).
struct VolumeMount {
  enum class Kind { claim, scratch, memory } kind = Kind::scratch;
  Setting claim;         // the PersistentVolumeClaim's name
  std::string sub_path;  // within it
  std::string mount_path;
  std::uint64_t size_bytes = 0;  // memory: its limit; 0: none
};

// A requirement on a node's labels (NodeSelectorRequirement).
struct LabelRequirement {
  std::string key, op;  // In, NotIn, Exists, DoesNotExist, Gt, Lt
  std::vector<std::string> values;
};

struct Placement {
  std::vector<std::pair<std::string, std::string>> labels;  // nodeSelector
  std::vector<Setting> selectors;                           // nodeSelector as an object, known at the start
  std::vector<std::vector<LabelRequirement>> required;      // nodeAffinity: one of the terms holds
  std::vector<Setting> affinities;                          // nodeAffinity as an object, known at the start
  Value node_affinity = Value::object();  // Kubernetes' NodeAffinity, with the preferences, to be passed on
  bool empty() const { return labels.empty() && selectors.empty() && required.empty() && affinities.empty(); }
};

// Quantities as Kubernetes writes them ("500m", "1.5", "64Mi"), with placeholders unresolved; empty: none.
struct Resources {
  std::string cpu_limit, memory_limit, cpu_request, memory_request;
  std::string accelerator_type, accelerator_count;
};

struct Importer {
  std::string uri;            // with placeholders; empty: from the input …
  std::string uri_parameter;  // … of this name
  std::string schema_title, schema_version;
  bool reimport = false;  // false: an artifact of the same URI, type and metadata is the same artifact
  bool to_workspace = false;
  Value metadata = Value::object();  // with placeholders
};

// The groups of settings that a component may ask for (dsl.TaskConfig), to start something of its own with them.
enum class PassedField { resources, environment, affinity, tolerations, node_selector, volumes };

struct Executor {
  std::string image;
  std::vector<std::string> command, arguments;  // placeholders unresolved, as in image and environment
  std::vector<std::pair<std::string, std::string>> environment;
  Resources resources;
  std::optional<Importer> importer;  // then there is no container

  // Of the Kubernetes platform:
  std::vector<ParameterSource> sources;  // what Setting::source counts
  std::vector<KeysAsEnv> env_from_keys;
  std::vector<KeysAsFiles> files_from_keys;
  std::vector<VolumeMount> volumes;
  Placement placement;
  std::vector<Setting> tolerations;                                  // without effect on one node; passed on
  std::map<std::string, std::string> labels, annotations;            // of the pod
  std::vector<std::pair<std::string, std::string>> env_from_fields;  // variable, field path
  std::int64_t deadline_seconds = 0;                                 // activeDeadlineSeconds; 0: none
  std::optional<std::int64_t> run_as_user, run_as_group;
  bool run_as_non_root = false;
  std::shared_ptr<const Executor> passed_on;  // the settings that the task is given, and nothing else; null: none

  bool needs_mounts() const { return !files_from_keys.empty() || !volumes.empty(); }
};

// "64Mi" → 67108864, "500m" → 0.5. nullopt: not a quantity of Kubernetes.
std::optional<double> parse_quantity(std::string_view text);

}  // namespace millrace::pipelines
