#pragma once
// Log lines as Python's root logger prints them ("INFO:root:…"), to stderr: whoever reads the components' logs finds
// the lines the published image prints.

#include <string_view>

namespace millrace::components {

void log_info(std::string_view text);
void log_warning(std::string_view text);
void log_error(std::string_view text);

}  // namespace millrace::components
