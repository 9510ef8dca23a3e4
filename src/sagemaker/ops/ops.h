#pragma once
// SageMaker's operations: those that are the same for every kind in generic.cpp, the others one file each, and what
// they share. table.cpp lists them.

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "aws/gateway.h"
#include "sagemaker/jobs/jobs.h"
#include "sagemaker/jobs/monitor.h"
#include "sagemaker/ops/requests.h"
#include "sagemaker/serving/endpoints.h"
#include "sagemaker/store.h"

namespace millrace::sagemaker {

struct Ops {
  Dependencies& dependencies;
  Jobs& jobs;
  Endpoints& endpoints;
  Monitor& monitor;
};

inline constexpr std::size_t kMaxActiveJobs = 200;  // of one kind, under way at a time
inline constexpr std::size_t kMaxEndpoints = 50;

// The ARN built from the request's name member: what the operation acts on.
aws::Resources resource_named(Ops& ops, Kind kind);

// The endpoint and the configuration it is to have: both must be allowed.
aws::Resources endpoint_and_config(Ops& ops);
// Error: ValidationException when no resource has this ARN.
Status check_tagged(Ops& ops, const std::string& arn);

// iam:PassRole on the role that the request hands over, and sagemaker:AddTags when it brings tags.
//   role_path: "RoleArn", "TrainingJobDefinition.RoleArn"; an absent role is no question.
aws::MoreChecks creation_checks(Ops& ops, Kind kind, std::string_view role_path);
// condition_keys.cpp: aws:RequestTag/… and aws:TagKeys, and what SageMaker has for the members of a request that makes
// a resource of this kind (sagemaker:InstanceTypes, sagemaker:VpcSubnets, …).
aws::ConditionKeys creation_keys(Ops& ops, Kind kind);
// aws:RequestTag/… and aws:TagKeys, of operations on tags.
aws::ConditionKeys tagging_keys();
decltype(aws::Check::keys) tag_keys(const Value& input);

// The role exists and trusts SageMaker. Error: ValidationException, "Could not assume role …".
Status check_role(Ops& ops, const aws::Call& call, const Value& role_arn);

// An S3DataSource names an object that the role may list. Error: ValidationException, "No S3 objects found …".
Status check_data(Ops& ops, const aws::Call& call, const std::string& role_arn, const Value& source);
// The members of a training job say what is to run, or its image does here. Error: ValidationException, why it cannot.
Status check_program(Ops& ops, const Value& training_job);

// Stores a new job and starts it. Yields its ARN.
Result<aws::Output> start_job(Ops& ops, const aws::Call& call, Resource job, const Value& request);

// The answer of a list: at most `page` of the rows as `member`; there is one row more where there is a next page.
aws::Output list_answer(std::string_view member, const Value& input, const ListQuery& query, std::vector<Resource> rows,
                        std::size_t page, const std::function<Value(const Resource&)>& summary);

// Describe, List, Stop and Delete of every kind that has them (kinds.h).
std::vector<aws::Operation> generic_operations(Ops& ops);

aws::Operation create_processing_job(Ops& ops);
aws::Operation create_training_job(Ops& ops);
aws::Operation create_hyper_parameter_tuning_job(Ops& ops);
aws::Operation list_training_jobs_for_hyper_parameter_tuning_job(Ops& ops);
aws::Operation create_transform_job(Ops& ops);
aws::Operation create_model(Ops& ops);
aws::Operation create_endpoint_config(Ops& ops);
aws::Operation create_endpoint(Ops& ops);
aws::Operation update_endpoint(Ops& ops);
aws::Operation update_endpoint_weights_and_capacities(Ops& ops);
aws::Operation delete_endpoint(Ops& ops);
aws::Operation add_tags(Ops& ops);
aws::Operation list_tags(Ops& ops);
aws::Operation delete_tags(Ops& ops);
aws::Operation invoke_endpoint(Ops& ops);
aws::Operation invoke_endpoint_async(Ops& ops);
aws::Operation search(Ops& ops);

aws::Service control_service(Ops& ops);
aws::Service runtime_service(Ops& ops);

}  // namespace millrace::sagemaker
