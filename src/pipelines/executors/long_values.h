#pragma once
// Values that are too long for a command line. Linux passes a word, an argument or variable, of at most 128 KiB, and
// all of them together of a quarter of the stack's limit (execve(2); MAX_ARG_STRLEN and ARG_MAX in linux/binfmts.h).

#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/value.h"
#include "work/workload.h"

namespace millrace::pipelines::executors {

inline constexpr std::size_t kMaxWord = 131'071;  // bytes, without the zero at its end

// What the SDK's program for Python components is given, its input and its code, goes through files of the attempt's
// `directory` where it is longer than that: the program itself reads them there.
Status pass_by_file(const std::filesystem::path& directory, std::vector<std::string>& command,
                    std::vector<std::string>& arguments);

// Anything else that is too long. Errors: invalid_argument, naming the input parameter (of `executor_input`) whose
// value it is, and the limit.
Status check_lengths(const Value& executor_input, const work::Workload& step);

}  // namespace millrace::pipelines::executors
