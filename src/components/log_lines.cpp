#include "components/log_lines.h"

#include <cstdio>

#include <fmt/core.h>

namespace millrace::components {

void log_info(std::string_view text) { fmt::print(stderr, "INFO:root:{}\n", text); }
void log_warning(std::string_view text) { fmt::print(stderr, "WARNING:root:{}\n", text); }
void log_error(std::string_view text) { fmt::print(stderr, "ERROR:root:{}\n", text); }

}  // namespace millrace::components
