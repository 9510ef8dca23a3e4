#pragma once
// The source of a run's Python server (python_server.h): a command line, run by the component's own interpreter. It
// says its arguments where it stands.

#include <string_view>

namespace millrace::pipelines::executors {

std::string_view python_server_program();  // the server, and what it forks

}  // namespace millrace::pipelines::executors
