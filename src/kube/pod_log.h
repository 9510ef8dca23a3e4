#pragma once
#include "kube/pods.h"
#include "kube/sleepers.h"
#include "net/http.h"

namespace millrace::kube {

// GET …/pods/NAME/log: follow, tailLines, limitBytes, container. What a task's log cannot answer is refused:
// timestamps, sinceSeconds, sinceTime, previous.
Result<net::Response> pod_log(pipelines::Pipelines& pipelines, Pods& pods, Sleepers& sleepers,
                              const net::Request& request, const std::string& name_space, const std::string& name);

}  // namespace millrace::kube
