#pragma once
// A child's own view of the machine's files, as system calls laid out beforehand: between its birth and the program the
// child shares our memory and may not allocate. Source: mount_namespaces(7), pivot_root(2), mount_setattr(2).
//
// The new root is a directory in memory into which the machine's top-level directories are bound read-only. Where a
// mount's target has no place on the machine, the directory above it is made anew in memory and its entries are bound.
// Steps are sorted by their places, so that what is bound never uncovers what is hidden below it.

#include <filesystem>
#include <map>
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
    // In the order in which steps at one place are taken: what hides comes after what shows.
    enum class Kind { directory, symlink, file, bind, memory, blank, seal } kind = Kind::directory;
    std::string target;  // in the new root, with the root's own path before it
    std::string source;  // bind, symlink; memory: mount options; file: its bytes
    std::string above;   // of what is made in a directory that others write to: its path, in which no link is followed
    std::string below = {};  // bind: of `source`, in which no link is followed either
  };
  struct Late {
    Step step;
    bool read_only = false;
  };
  // What stands at a place of the new root: the machine's own, the machine's entries in a directory of ours, or ours
  // alone.
  enum class Ground { machine, adopted, ours };

  static const char* perform(const Step& step) noexcept;
  void start();
  void hide(const std::string& path);
  Status mount(const Mount& mount);
  void place(const std::string& target);
  void place_file(const std::string& target);
  void place_late(const std::string& target, const std::string& above, bool is_file);
  void adopt(const std::string& directory);
  bool is_ours(const std::string& path) const;
  bool shows_machine(const std::string& path) const;

  int flags_ = 0;
  std::string root_;
  std::vector<Step> before_;              // then everything is made read-only
  std::vector<Late> after_;               // what may be written, and the files in memory
  std::map<std::string, Ground> ground_;  // a place is as the nearest one at or above it
  std::vector<std::string> mounted_;      // places that are filled only after all is read-only
  std::string uid_map_, gid_map_;         // of a user namespace; empty: none
};

}  // namespace millrace::proc
