#pragma once
// The Python sources of both ends of a run's Python server (python_server.h): command lines, run by the component's own
// interpreter. Each says its arguments where it stands.

#include <string_view>

namespace millrace::pipelines::executors {

std::string_view python_server_asking();   // what an attempt is
std::string_view python_server_program();  // the server, and what it forks

}  // namespace millrace::pipelines::executors
