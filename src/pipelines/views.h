#pragma once
// Runs and their tasks, as others read them.

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/time.h"
#include "base/value.h"

namespace millrace::pipelines {

// The read side that kube/ and console/ use.
struct TaskView {
  std::string id;  // stable: the task's path in the run, "root/train", "root/for-loop-1/0/train"
  std::string name, display_name, parent_id, state;  // KFP RuntimeState names, plus CACHED as detail
  std::string pod_name;
  std::vector<std::string> depends_on;  // ids
  bool is_dag = false;
  bool cached = false;  // succeeded without running: the outputs are an earlier task's
  int attempt = 0;
  std::optional<Time> created, started, ended;
  std::string error;
  // Of the newest attempt's process, 128 and its number for a signal. None: it failed without one, or nobody saw it
  // end.
  std::optional<int> exit_code;
  std::string image;
  Value inputs, outputs;  // {"parameters": {...}, "artifacts": {...}}
};
struct RunView {
  std::string id, display_name, pipeline_name, experiment_id, state, error;
  Time created{};
  std::optional<Time> finished;
  std::vector<TaskView> tasks;  // empty in listings
};

// What a task's container was given, as a Kubernetes pod has it (core/v1): of its newest attempt. Command lines are
// those of the pipeline, with their placeholders, as in a pod of Kubeflow Pipelines; all else is as the task got it.
struct ContainerView {
  std::string pod_name;
  int attempt = 0;
  Value container;  // members of a Container: image, command, args, env, envFrom, resources, volumeMounts…
  Value pod;        // members of a PodSpec: volumes, nodeSelector, tolerations, affinity, activeDeadlineSeconds
  std::map<std::string, std::string> labels, annotations;  // that the pipeline asks for
  struct Previous {                                        // the attempt before
    Time started{}, ended{};
    std::optional<int> exit_code;
    std::string error;
  };
  std::optional<Previous> previous = {};
};

// A task of a pipeline in a dry run (dry_run/dry_run.h).
struct DryRunTask {
  std::string path, name, image;          // path: within the run, "for-loop-1/0/train"
  std::vector<std::string> command_line;  // placeholders resolved; kOnlyKnownInRun for what is only known during a run
  std::vector<std::pair<std::string, std::string>> environment;  // its own
  struct FromSecret {
    std::string variable, secret, key;
  };
  std::vector<FromSecret> secrets;  // variables that come from Kubernetes Secrets
};
inline constexpr std::string_view kOnlyKnownInRun = "only-known-during-the-run";

}  // namespace millrace::pipelines
