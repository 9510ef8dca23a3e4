#pragma once
// The files that a job's program left in a folder, before they are uploaded or packed: hostile data until shown
// otherwise.

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/untrusted_tree.h"
#include "base/value.h"

namespace millrace::sagemaker {

// Called between two pieces of long work; an error of it ends the work.
using Checkpoint = std::function<Status()>;

inline constexpr std::size_t kMaxOutputEntries = 100'000;                  // files and directories of one job's outputs
inline constexpr std::uint64_t kMaxOutputBytes = std::uint64_t{64} << 30;  // as the files' sizes say, holes included

// What a job's outputs may have, all folders together.
struct OutputBudget {
  std::uint64_t bytes = kMaxOutputBytes;
  std::size_t entries = kMaxOutputEntries;
};
// The volume that the job asked for, in GB; without a size, or with a larger one, kMaxOutputBytes.
OutputBudget budget_of_volume(const Value& volume_size_in_gb);

struct OutputFile {
  std::string path;  // in the tree
  std::string name;  // below the folder
  std::uint64_t size = 0;
  bool executable = false;
};

// The tree below a job's /opt/ml, at `ml` on this machine.
Result<UntrustedTree> open_opt_ml(const std::filesystem::path& ml);

// Every regular file below `folder` of the tree, in the order of their names; links are followed within the tree. A
// folder that is not there has none. What else lies there is left out, with a line in `notes` (a few; then their
// number). Errors: failed_precondition (the folder is not a directory of this tree), resource_exhausted (the budget, or
// nesting).
Result<std::vector<OutputFile>> output_files(const UntrustedTree& tree, const std::string& folder, OutputBudget& budget,
                                             std::vector<std::string>& notes);

// A short text that the program left for the caller: its first `max_bytes`, trimmed, cut between characters. Nothing
// there, or no text: empty. What is not a file is not read: a sentence that says so.
std::string output_text(const UntrustedTree& tree, const std::string& path, std::size_t max_bytes);

// `path` as the program knows it: "/opt/ml/model/a". Bytes that are not UTF-8 are shown in hexadecimal.
std::string seen_path(std::string_view path);

}  // namespace millrace::sagemaker
