#pragma once
// How jobs and model servers are confined: as pipeline steps are, by the one sandbox of proc/. A customer's program
// sees the job's directory as /opt/ml and has a /tmp of its own, as in its container; one of our own workers sees its
// directory where it lies. What a sandbox is and is not: docs/security.md.

#include <filesystem>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "work/backend.h"

namespace millrace::sagemaker {

class Sandbox {
 public:
  explicit Sandbox(work::Backend& backend) : backend_(backend) {}

  bool available();  // asked of the machine once (some milliseconds)

  // `job` holds ml/, seen as /opt/ml, and tmp/, seen as /tmp; both are the child's own afterwards. `hidden`: what is
  // seen empty. Error failed_precondition: no sandboxes here; the sentence says what to do.
  Status contain_program(work::Workload& spec, const std::filesystem::path& job,
                         std::vector<std::filesystem::path> hidden, bool network);

  // One of our own workers: `own` are directories that it may write to, `read` what it reads, both as they lie here.
  // Where there are no sandboxes it runs without.
  Status contain_worker(work::Workload& spec, const std::vector<std::filesystem::path>& own,
                        const std::vector<std::filesystem::path>& read, std::vector<std::filesystem::path> hidden);

 private:
  work::Backend& backend_;
  std::once_flag said_;
};

// Where a command is found: absolute or relative paths as they are, names on `path_variable`. Empty: nowhere.
std::filesystem::path find_command(const std::string& command, std::string_view path_variable);

}  // namespace millrace::sagemaker
