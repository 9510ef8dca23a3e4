#pragma once
// A watch: what is there first, where it is asked for, then each change from the history (Kubernetes API concepts,
// "Efficient detection of changes" and "Streaming lists").

#include <memory>
#include <optional>

#include "kube/resource.h"
#include "kube/sleepers.h"
#include "net/http.h"

namespace millrace::kube {

Result<net::Response> watch(Resource& resource, const Clock& clock, Sleepers& sleepers, const std::string& name_space,
                            const net::Request& request);

}  // namespace millrace::kube
