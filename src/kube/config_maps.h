#pragma once
#include <map>
#include <string>

#include "kube/resource.h"

namespace millrace::kube {

const Kind& config_maps_kind();

// `data` and the decoded `binaryData` together.
Result<std::map<std::string, std::string>> all_data(const Value& config_map);

}  // namespace millrace::kube
