#pragma once
// What the job roles share: the way a job ends.

#include <filesystem>
#include <functional>

#include "base/result.h"
#include "sagemaker/algorithms/job_log.h"

namespace millrace::sagemaker::worker {

using built_in::JobLog;

inline constexpr int kDone = 0;
inline constexpr int kCustomerFailure = 1;
inline constexpr int kInternalFailure = 2;
inline constexpr std::size_t kMaxFailureBytes = 1024;  // SageMaker's limit for FailureReason

// Runs the job. A failure is logged and written to `output_directory`/failure. Returns the exit code: what the
// customer can mend (invalid_argument, not_found, failed_precondition, resource_exhausted, unimplemented) is theirs.
int run_role(JobLog& log, const std::filesystem::path& output_directory, const std::function<Status()>& job);

}  // namespace millrace::sagemaker::worker
