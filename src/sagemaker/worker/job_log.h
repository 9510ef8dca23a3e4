#pragma once
// What the job roles share: lines on standard output as SageMaker's containers print them, and the way a job ends.

#include <fmt/core.h>

#include <filesystem>
#include <functional>
#include <string_view>
#include <utility>

#include "base/result.h"

namespace millrace::sagemaker::worker {

inline constexpr int kDone = 0;
inline constexpr int kCustomerFailure = 1;
inline constexpr int kInternalFailure = 2;
inline constexpr std::size_t kMaxFailureBytes = 1024;  // SageMaker's limit for FailureReason

// "[11/23/2026 15:09:01 INFO 4711] text": UTC and the process's number. Each line is written through at once.
class JobLog {
 public:
  template <class... Args>
  void info(fmt::format_string<Args...> format, Args&&... args) {
    line("INFO", fmt::format(format, std::forward<Args>(args)...));
  }
  template <class... Args>
  void error(fmt::format_string<Args...> format, Args&&... args) {
    line("ERROR", fmt::format(format, std::forward<Args>(args)...));
  }

 private:
  void line(std::string_view level, std::string_view text);
};

// Runs the job. A failure is logged and written to `output_directory`/failure. Returns the exit code: what the
// customer can mend (invalid_argument, not_found, failed_precondition, resource_exhausted, unimplemented) is theirs.
int run_role(JobLog& log, const std::filesystem::path& output_directory, const std::function<Status()>& job);

}  // namespace millrace::sagemaker::worker
