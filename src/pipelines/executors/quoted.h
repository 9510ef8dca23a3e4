#pragma once
// Text of a task's in a sentence of the program's.

#include <cstddef>
#include <string>
#include <string_view>

namespace millrace::pipelines::executors {

// At most `max_bytes` of it, in whole characters; controls, escape sequences' among them, as blanks, and what is not
// UTF-8 as '?'.
std::string quoted(std::string_view text, std::size_t max_bytes);

}  // namespace millrace::pipelines::executors
