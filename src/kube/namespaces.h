#pragma once
#include "kube/resource.h"

namespace millrace::kube {

const Kind& namespaces_kind();

// "kubeflow", where tasks run, and the namespaces that every cluster has.
const std::vector<std::string>& initial_namespaces();

}  // namespace millrace::kube
