#pragma once
// What a job, once made, does as its execution role: which objects it lists, reads and writes. From the request that
// makes it, before it is made; what jobs/ then does is the same by the tests that run both. Pure.

#include <string>
#include <string_view>
#include <vector>

#include "aws/gateway.h"
#include "base/value.h"

namespace millrace::sagemaker {

struct RoleAccess {
  std::string role_arn;
  aws::Check check;
  std::string why;  // "reads the channel \"train\" from s3://bucket/prefix"
};

// Of CreateTrainingJob, CreateHyperParameterTuningJob, CreateProcessingJob, CreateModel, and CreateTransformJob with
// the request that made its model (`model`; null: unknown, then nothing can be said of it). Objects below a prefix are
// asked for as the prefix itself.
std::vector<RoleAccess> role_access(std::string_view operation, const Value& request, const Value& model);
// The role that the request hands over; empty: none.
std::string role_of(std::string_view operation, const Value& request);

}  // namespace millrace::sagemaker
