#pragma once
// A task as the pod that a cluster would show for it. Pure.

#include <vector>

#include "kube/pods.h"

namespace millrace::kube {

inline constexpr const char* kContainer = "main";  // the one that a pod has
inline constexpr const char* kRunLabel = "pipeline/runid";

bool has_pod(const pipelines::TaskView& task);  // a task that waits for others has none yet
Value pod_object(const Pod& pod);
int attempt_of(const Value& pod);
// Adds to it what its task was given, with the defaults that an API server fills in.
void fill_in_container(Value& pod, const pipelines::ContainerView& container);
std::vector<Value> events_of(const Pod& pod);

}  // namespace millrace::kube
