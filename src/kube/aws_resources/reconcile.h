#pragma once
// One custom resource brought in step with what the service has: made, followed, changed, stopped or deleted. What has
// to be known is in the object and in the service alone, so that a server that starts anew goes on where it was killed.

#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "kube/aws_resources/aws_api.h"
#include "kube/aws_resources/aws_kinds.h"
#include "kube/store.h"

namespace millrace::kube {

struct AwsSurroundings {
  Store& store;
  const Clock& clock;
  AwsApi& api;
};

enum class Next {
  nothing,  // until the object changes
  look,     // soon: the service is at work
  retry,    // after a while, that grows: the service refused
};
struct Outcome {
  Next next = Next::nothing;
  std::vector<std::string> written;  // the versions of the object that were stored
};
// Errors of the store are retried as well. An object that is not there any more needs nothing.
Outcome reconcile(const AwsSurroundings& around, const AwsKind& kind, const ObjectName& name);

}  // namespace millrace::kube
