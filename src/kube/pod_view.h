#pragma once
// A task as the pod that a cluster would show for it. Pure.

#include <vector>

#include "kube/pods.h"

namespace millrace::kube {

bool has_pod(const pipelines::TaskView& task);  // a task that waits for others has none yet
Value pod_object(const Pod& pod);
std::vector<Value> events_of(const Pod& pod);

}  // namespace millrace::kube
