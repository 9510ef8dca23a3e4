#pragma once
// The custom resources that AWS's controllers for Kubernetes give SageMaker, as one table: names, operations, what
// their status shows and what its words mean. Source: github.com/aws-controllers-k8s/sagemaker-controller,
// generator.yaml and config/crd. Their schemas are made of the service's model (resource_schema.h).

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "kube/resource.h"

namespace millrace::kube {

inline constexpr const char* kSageMakerGroup = "sagemaker.services.k8s.aws";

// What the deletion of a resource asks of the service.
enum class OnDelete {
  stop,   // a job is stopped if it runs; its record stays
  erase,  // what it names is deleted, once it is not being changed
};

struct AwsKind {
  std::string_view kind;         // "TrainingJob"; the operations are Create…, Describe… and so on of it
  std::string_view plural;       // "trainingjobs"
  std::string_view name_member;  // "TrainingJobName"
  std::string_view arn_member;   // "TrainingJobArn"
  OnDelete on_delete = OnDelete::erase;
  bool can_change = false;            // by Update…, with the members of its input
  std::string_view update_mark = {};  // what Update… may fail with later: what was tried last is kept as an annotation
  std::span<const std::string_view> required;             // of spec, besides what the model requires
  std::string_view status_member = {};                    // "TrainingJobStatus"; empty: it is there or not
  std::span<const std::string_view> busy = {};            // values of it with which the service is still at work
  std::string_view failed = {};                           // a value that only a new spec gets it out of
  std::span<const std::string_view> status_members = {};  // of what Describe… answers
  bool secondary_status = false;                          // a column of its own
  std::string_view absent_code,
      absent_message;  // how the service says that there is none; of the message its beginning

  std::string operation(std::string_view verb) const { return std::string(verb).append(kind); }
  std::string finalizer() const;
  // Is its Create operation served?
  bool is_served() const;
};

std::span<const AwsKind> aws_kinds();
const AwsKind* find_aws_kind(std::string_view resource);  // "trainingjobs.sagemaker.services.k8s.aws"; nullptr: none

// The same as rows of the API; they live as long as the program.
const std::vector<Kind>& aws_resource_kinds();

}  // namespace millrace::kube
