#pragma once
// How an update of an endpoint changes over from one deployment to the next (the API's DeploymentConfig). Pure.
// A rolling update is a change in steps of its batch: a variant is one model server here, so that what callers see of
// either is the part of the traffic that has moved.

#include <cstdint>
#include <optional>

#include "base/result.h"
#include "base/time.h"
#include "base/value.h"

namespace millrace::sagemaker {

// Error: ValidationException for what SageMaker refuses and what is not done here (alarms).
Status check_deployment_config(const Value& config);

struct Rollout {
  double first = 100, step = 100;  // per cent of the traffic that moves at once, and with each further step
  Millis wait{};                   // after each step
  Millis termination_wait{};       // the old deployment stays so long after the last one
  Millis limit{};                  // of the whole update; 0: none
};
// `instances`: of the new deployment, for steps that are given as a count. A null config moves all at once.
Rollout rollout_of(const Value& config, std::int64_t instances);

struct Shift {
  double percent = 100;         // of the traffic that the new deployment has
  std::optional<Millis> until;  // from now to the next step, or to the end of the old deployment; nullopt: it is over
};
// `elapsed`: since the new deployment was ready.
Shift shift_at(const Rollout& rollout, Millis elapsed);

}  // namespace millrace::sagemaker
