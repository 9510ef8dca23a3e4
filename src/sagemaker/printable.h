#pragma once
// Bytes that a job's program chose, as text.

#include <string>
#include <string_view>

namespace millrace::sagemaker {

// As it is where it is UTF-8; else with the bytes above 127 as "\xe4".
std::string printable(std::string_view bytes);

}  // namespace millrace::sagemaker
