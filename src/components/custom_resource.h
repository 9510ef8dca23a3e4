#pragma once
// What version 2 of the published components has in common: each makes one custom resource of Kubernetes, and AWS's
// controller makes of it what is in SageMaker. Here the component does what both do, without a cluster: the same
// arguments, the controller's calls, and outputs from the status that the controller would give.
// Source: kubeflow/pipelines components/aws/sagemaker/commonv2, aws-controllers-k8s/sagemaker-controller (dc49707) and
// aws-controllers-k8s/runtime (v0.62).

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "components/component.h"

namespace millrace::components {

struct ResourceKind {
  std::string_view kind;           // "TrainingJob": of its operations
  std::string_view title;          // "Training Job", in log lines
  std::string_view prefix;         // of names that are made here
  std::string_view name_argument;  // "training_job_name"
  std::string_view name_member;    // "TrainingJobName"
  std::string_view not_found;      // how SageMaker's ValidationException begins; empty: it answers ResourceNotFound
  std::string_view remove;         // the operation that undoes it: "StopTrainingJob"
  std::string_view console;        // its page's fragment in AWS's console; empty: none is logged
  // The member of its description that says how it is; empty: it is done as soon as it is made.
  std::string_view status_member = {};
  std::string_view done = {};        // "Completed"
  std::string_view changing = {};    // the states in which nothing can be done with it, separated by '|'
  bool fails_terminally = false;     // whether the controller gives up on one that is Failed
  bool is_late_initialized = false;  // whether the controller fills its spec from the description
  bool can_update = false;
  std::span<const ArgumentSpec> arguments = {};
  std::span<const std::string_view> outputs = {};
};

std::unique_ptr<Component> custom_resource_component(const ResourceKind& kind);

}  // namespace millrace::components
