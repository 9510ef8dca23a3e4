#pragma once
// SageMaker's kinds of resource as one table: what the API calls a kind's parts, the operations that are the same for
// every kind, how its list is sorted, the words of its errors, where it logs and how the console shows it. The generic
// operations (ops/generic.cpp), the console's API and the web page all read it. A kind that is only a record needs a
// row here, its Create operation and, where it has some, its condition keys (ops/condition_keys.cpp).

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "aws/gateway.h"
#include "base/result.h"

namespace millrace::sagemaker {

enum class Kind {
  processing_job,
  training_job,
  tuning_job,
  transform_job,
  model,
  endpoint_config,
  endpoint,
  model_package_group,
  model_package,
  monitoring_schedule,
  data_quality_job_definition,
  model_bias_job_definition,
  model_explainability_job_definition,
  model_quality_job_definition,
  workteam,
};

struct KindOperation {
  std::string_view name;  // "DescribeTrainingJob"
  aws::IamAction action;  // "sagemaker:DescribeTrainingJob"
};

enum class SortField { name, created, status };
struct ListDefaults {
  SortField sort = SortField::created;
  bool descending = false;
};

// An error of the API; {name} and {arn} in the text are the resource's.
struct ErrorWords {
  Code code;
  std::string_view reason, text;
};

// A member of a List operation's request that has to equal a member of the document: {"EndpointName",
// "Input.Endpoint"}.
struct ListFilter {
  std::string_view member, path;
};

// Members of the API are given by name; empty where the kind has none.
struct KindInfo {
  Kind kind;
  std::string_view name;           // "TrainingJob"
  std::string_view arn_segment;    // "training-job"
  std::string_view name_member;    // "TrainingJobName"
  std::string_view arn_member;     // "TrainingJobArn"
  std::string_view status_member;  // "TrainingJobStatus"
  std::string_view start_member;   // "TrainingStartTime"
  std::string_view end_member;     // "TrainingEndTime"
  std::string_view list_member;    // "TrainingJobSummaries"
  bool modified = true;            // a summary has LastModifiedTime
  bool by_arn = false;             // its operations take an ARN in the place of the name
  bool own_list = false;           // its List operation has a file of its own
  bool own_describe = false;       // the same of Describe
  std::string_view wrapper = {};   // Describe answers the document as this member, and List gives it whole
  // What summaries call the name and the ARN, where that is not what the other operations call them.
  std::string_view list_name_member = {}, list_arn_member = {};
  std::span<const ListFilter> list_filters = {};  // besides those of every kind
  // What a summary has besides name, ARN, status and times: paths in the Describe document ("A.B" is shown as B).
  std::span<const std::string_view> summary_paths;
  ListDefaults list_defaults;  // without SortBy and SortOrder (the API reference's words)

  KindOperation describe, list;
  std::optional<KindOperation> stop;
  std::optional<KindOperation> erase;  // of what is not under way; an endpoint's deletion has an operation of its own

  ErrorWords missing;  // no resource has this name
  ErrorWords taken;    // the name is in use

  // CloudWatch Logs' group, empty: it writes no log. With a '/' at the end, each resource has a group of its own,
  // named by what stands here and its name; otherwise a stream of the group begins with the name and '/'.
  std::string_view log_group;

  // The console's words.
  std::string_view slug;  // in addresses
  std::string_view singular, plural;
  std::string_view hint;  // what to do when there is none
};

std::span<const KindInfo> all_kinds();
const KindInfo& info_of(Kind kind);
const KindInfo* find_kind(std::string_view name);  // "TrainingJob"; nullptr: no such kind

}  // namespace millrace::sagemaker
