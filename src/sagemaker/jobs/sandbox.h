#pragma once
// A customer's program as if in its container: /opt/ml is the job's directory, /tmp its own, the rest of the machine
// is there to read, the server's files are not. bubblewrap (namespaces) does it; README.md says what it is not.

#include <filesystem>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"

namespace millrace::sagemaker {

struct SandboxRequest {
  std::filesystem::path opt_ml;               // seen as /opt/ml, writable
  std::filesystem::path tmp;                  // seen as /tmp
  std::vector<std::filesystem::path> hidden;  // directories that are seen empty
  bool network = true;
  std::vector<std::string> command;
  std::vector<std::filesystem::path> hidden_files = {};
};

enum class Namespaces { all, no_pid, none };  // what this machine lets us have

// The command line; pure. `opt_entries`: what lies in this machine's own /opt.
std::vector<std::string> sandbox_command(const SandboxRequest& request, Namespaces have,
                                         const std::vector<std::filesystem::path>& opt_entries);

class Sandbox {
 public:
  Namespaces have();  // asked of the machine once (tens of milliseconds)
  // Error failed_precondition: no namespaces here; the sentence says what to do.
  Result<std::vector<std::string>> wrap(SandboxRequest request);

 private:
  std::mutex mutex_;
  std::optional<Namespaces> have_;
};

// Where a command is found: absolute or relative paths as they are, names on `path_variable`. Empty: nowhere.
std::filesystem::path find_command(const std::string& command, std::string_view path_variable);

}  // namespace millrace::sagemaker
