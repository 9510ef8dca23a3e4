#pragma once
#include "kube/pods.h"
#include "kube/sleepers.h"
#include "net/http.h"

namespace millrace::kube {

// GET …/pods/NAME/log: follow, tailLines, limitBytes, container, timestamps, sinceSeconds, sinceTime. A step writes its
// log itself, without times: a line's time is the latest at which it can have been written, which is when it was read,
// or the step's end. No log of an earlier attempt is kept under the pod's name, so that `previous` finds none.
Result<net::Response> pod_log(pipelines::Pipelines& pipelines, Pods& pods, Sleepers& sleepers, const Clock& clock,
                              const net::Request& request, const std::string& name_space, const std::string& name);

}  // namespace millrace::kube
