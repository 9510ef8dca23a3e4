#pragma once
#include <string_view>

namespace millrace::aws {

// models/<service>.json as embedded; empty for a service that is not there.
std::string_view model_text(std::string_view service);

}  // namespace millrace::aws
