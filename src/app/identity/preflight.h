#pragma once
// Before a run: which of its steps IAM would deny, and why. The pipeline is walked without being run (a dry run); each
// SageMaker component runs against a client that only records its calls; each call is put to the
// same table entries and policies that a run's would be, as the identity that the step would have; and what a job then
// does as its role is asked as that role.

#include <string>

#include "aws/gateway.h"
#include "base/result.h"
#include "base/value.h"
#include "iam/iam.h"
#include "kube/kube.h"
#include "pipelines/pipelines.h"

namespace millrace::app {

class PreflightCourse;

class Preflight {
 public:
  struct Needs {
    iam::Iam& iam;
    aws::Gateway& gateway;
    kube::Kube& kube;
    pipelines::Pipelines& pipelines;
    const Clock& clock;
    std::string node_role;
    std::string executable;
  };
  explicit Preflight(Needs needs) : needs_(std::move(needs)) {}

  // {"pipeline": <IR, or {pipeline_spec, platform_spec}>, "parameters": {…}} →
  // {"denied": n, "steps": [{"task", "path", "component", "identity", "denied": n, "unknown": [sentence…],
  //   "calls": [{"as", "action", "resource", "why", "allowed", "because", "kind", "policy"}]}]}
  Result<Value> answer(const Value& request);

 private:
  Needs needs_;
};

}  // namespace millrace::app
