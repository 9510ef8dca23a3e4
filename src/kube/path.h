#pragma once
// The path of a request for objects.

#include <string>
#include <string_view>

#include "base/result.h"

namespace millrace::kube {

// /api/v1… or /apis/GROUP/VERSION…, then [/namespaces/NS]/PLURAL[/NAME[/SUBRESOURCE]]
struct ObjectPath {
  std::string api_version = {};  // "v1", "coordination.k8s.io/v1"
  std::string name_space = {}, plural = {}, name = {}, subresource = {};
};
Result<ObjectPath> parse_path(std::string_view path);  // still percent-encoded

}  // namespace millrace::kube
