#pragma once
// What a client asks before it asks for anything: versions, groups, kinds, schemas.

#include <optional>
#include <string_view>
#include <vector>

#include "kube/resource.h"
#include "net/http.h"

namespace millrace::kube {

// nullopt: the path is not one of discovery's.
std::optional<net::Response> discovery(const net::Request& request, std::string_view path,
                                       const std::vector<Resource*>& resources);

}  // namespace millrace::kube
