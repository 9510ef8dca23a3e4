#pragma once
// What of a sandbox is the same for many children: the machine's top-level directories, read-only, in a new root in
// memory; over them what is hidden, and in the hidden places the programs that children need; /dev. It can be laid out
// once, after which each child only has its namespace's copy of it and adds what is its own (PreparedBases).
//
// Hidden besides what is asked for: the homes of the machine's users, /run but for name resolution, and what of /sys is
// for administrators. Where a mount's place is not there on the machine, the directory above it is made anew in memory
// and its entries are bound. Steps are sorted by their places, so that what is bound never uncovers what is hidden
// below it.

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "proc/sandbox_step.h"

namespace millrace::proc {

// All of one kind have one base. Resolved paths of the machine, sorted.
struct SandboxBaseKey {
  std::vector<std::string> hidden, programs;
  std::vector<std::string> places;       // directories that the machine has not, to be empty
  std::vector<std::string> file_places;  // files that it has not, beside such
  auto operator<=>(const SandboxBaseKey&) const = default;
};

class SandboxBase {
 public:
  explicit SandboxBase(SandboxBaseKey key);
  ~SandboxBase();
  SandboxBase(const SandboxBase&) = delete;
  SandboxBase& operator=(const SandboxBase&) = delete;

  const SandboxBaseKey& key() const { return key_; }

  // Lays it out at the directory `root` in the caller's mount namespace, where nobody else sees its mounts, and
  // makes the new root the working directory. nullptr: done; otherwise what failed, with errno set.
  const char* lay_out(const char* root, bool is_root) const noexcept;
  // It is at `root` in the namespace that children get a copy of, and is taken away with this object.
  void laid_out_at(std::string root) { prepared_ = std::move(root); }
  const std::string& prepared() const { return prepared_; }  // empty: each child lays it out itself

  // The innermost directory that is made empty in it and in which `path` lies (not `path` itself); empty: none.
  std::string blank_above(const std::string& path) const;
  // Can a directory, or a file, be mounted at `path` as it is?
  bool has_directory(const std::string& path) const;
  bool has_file(const std::string& path) const;
  // What has to be made of the machine's for `path` to be made: it, or the uppermost directory on its way that is
  // missing.
  std::string missing_for(const std::string& path) const;
  const std::vector<std::string>& shown() const { return shown_; }  // of the machine, in what is hidden

 private:
  // What stands at a place of the new root: the machine's own, the machine's entries in a directory of ours, ours
  // alone, or a directory that was made empty.
  enum class Ground { machine, adopted, ours, blank };
  void top_level();
  void devices();
  void hide(const std::string& path);
  void show(const std::string& path);
  void place(const std::string& target);
  void adopt(const std::string& directory);
  void make_directory(const std::string& path);
  bool is_ours(const std::string& path) const;
  bool shows_machine(const std::string& path) const;

  SandboxBaseKey key_;
  std::map<std::string, Ground> ground_;  // a place is as the nearest one at or above it
  std::vector<std::string> shown_;
  std::vector<Step> steps_;    // then everything is made read-only
  std::vector<Step> devices_;  // then /dev is too
  std::string prepared_;
};

// Of paths without ".", ".." and double slashes.
std::string clean_path(const std::string& path);
std::string parent_path(const std::string& path);
bool is_within(const std::string& path, const std::string& directory);
// What lies in a directory comes after it, and before its neighbours.
bool comes_before(const std::string& a, const std::string& b);
// The place that `path` leads to once the links on its way are followed, as far as the machine has them.
std::string resolved_path(const std::string& path);
// As a path of the new root: without the leading '/'.
std::string in_root(const std::string& path);

}  // namespace millrace::proc
