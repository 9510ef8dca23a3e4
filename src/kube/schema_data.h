#pragma once
// models/kubernetes/openapi.json, which is part of the program.

#include <string_view>

namespace millrace::kube {

std::string_view schema_text();

}  // namespace millrace::kube
