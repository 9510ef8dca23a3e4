#pragma once
// What SageMaker keeps: jobs, models, endpoints. A resource is its Describe document plus what only we need to know.

#include <string>
#include <string_view>

#include "base/result.h"
#include "base/time.h"
#include "base/value.h"
#include "sagemaker/kinds.h"

namespace millrace::sagemaker {

struct Resource {
  Kind kind{};
  std::string name, arn, status;
  std::string parent;  // a training job's tuning job
  Time created{}, modified{};
  bool active = false;            // something is (or has to be) done for it: recovered after a restart
  Value body = Value::object();   // the Describe operation's answer
  Value state = Value::object();  // ours: never shown
  // The run of a pipeline that it was made for (aws::Call::origin); what its role does is counted as that run's.
  std::string origin() const { return state["origin"].string_or(); }
};

struct AccountRegion {
  std::string account, region;
};
// Names are compared without regard to case, and SageMaker writes them in lower case in ARNs.
std::string arn_of(const AccountRegion& account_region, Kind kind, std::string_view name);

double seconds(Time time);  // as SageMaker's JSON protocol writes a timestamp

// The members that the kind's List operation gives.
Value summary_of(const Resource& resource);

}  // namespace millrace::sagemaker
