#pragma once
// A child's own view of the machine's files, as system calls laid out beforehand: between its birth and the program the
// child shares our memory and may not allocate. Source: mount_namespaces(7), pivot_root(2), mount_setattr(2).
//
// The new root is a directory in memory into which the machine's top-level directories are bound read-only. Where a
// mount's target has no place on the machine, the directory above it is made anew in memory and its entries are bound.

#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"
#include "proc/launcher.h"

namespace millrace::proc {

class SandboxPlan {
 public:
  // `root`: an empty directory of the launcher's, on which the new root is mounted.
  static Result<SandboxPlan> make(const Sandbox& sandbox, const std::filesystem::path& root);

  int clone_flags() const { return flags_; }

  // In the child, after its start is recorded. nullptr: done; otherwise what failed, with errno set.
  const char* enter() const noexcept;

 private:
  struct Step {
    enum class Kind { directory, symlink, bind, memory, file, seal } kind = Kind::directory;
    std::string target;  // in the new root, with the root's own path before it
    std::string source;  // bind, symlink; memory: mount options; file: its bytes
  };
  struct Late {
    Step step;
    bool read_only = false;
  };

  void place(const std::string& target);
  bool is_ours(const std::string& path) const;
  void adopt(const std::string& directory, const std::string& except);
  void bind_entries(const std::string& directory, const std::string& except);
  bool exists(const std::string& path) const;

  int flags_ = 0;
  std::string root_;
  std::vector<Step> before_;          // then everything is made read-only
  std::vector<Late> after_;           // what may be written, and the files in memory
  std::vector<std::string> ours_;     // directories of the new root that are in memory
  std::vector<std::string> made_;     // directories that were made in those
  std::vector<std::string> covered_;  // hidden directories: what the machine has in them is not there
  std::string uid_map_, gid_map_;     // of a user namespace; empty: none
};

}  // namespace millrace::proc
