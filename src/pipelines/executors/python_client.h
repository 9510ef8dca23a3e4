#pragma once
// The program that asks a Python server (python_client/), as a file: it is part of this program, and children run it.

#include <filesystem>
#include <string_view>

#include "base/result.h"

namespace millrace::pipelines::executors {

// Where it is, written into `directory` unless it is there already. Of another version of this program there is another
// file. Errors: the file cannot be written, or nothing may be run from there (noexec).
Result<std::filesystem::path> python_client(const std::filesystem::path& directory);

// Written by python_client/embed_client.cmake.
std::string_view python_client_bytes();
std::string_view python_client_name();  // from their digest

}  // namespace millrace::pipelines::executors
