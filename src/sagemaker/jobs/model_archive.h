#pragma once
// model.tar.gz: packed so that the same files give the same bytes, unpacked so that nothing lands outside its folder.

#include <cstdint>
#include <filesystem>
#include <span>

#include "base/result.h"
#include "base/untrusted_tree.h"
#include "sagemaker/jobs/output_files.h"

namespace millrace::sagemaker {

// What output_files() finds in `folder`, names sorted, owner 0, times 0, mode 0644 or 0755. An empty folder packs too.
// `archive`: a new file where only the server writes. Yields the number of files.
Result<std::size_t> pack_folder(const UntrustedTree& tree, const std::string& folder,
                                const std::filesystem::path& archive, OutputBudget& budget,
                                std::vector<std::string>& notes, const Checkpoint& checkpoint = {});
// The same of several trees as one: of files with the same name the last tree's counts.
Result<std::size_t> pack_folders(std::span<const UntrustedTree> trees, const std::string& folder,
                                 const std::filesystem::path& archive, OutputBudget& budget,
                                 std::vector<std::string>& notes, const Checkpoint& checkpoint = {});

struct UnpackLimits {
  std::uint64_t max_bytes = 8ull << 30;  // unpacked, all files together
  std::size_t max_entries = 100'000;
  std::size_t max_depth = 100;  // parts of a name
};
// `folder`: made new, where only the server writes. Errors (invalid_argument; resource_exhausted past a limit): not a
// tar.gz, an absolute path, "..", a link or a device, a name that no file can have.
Status unpack_archive(const std::filesystem::path& archive, const std::filesystem::path& folder,
                      const UnpackLimits& limits = {}, const Checkpoint& checkpoint = {});

}  // namespace millrace::sagemaker
