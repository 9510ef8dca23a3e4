#pragma once
// A child's own view of the machine, as system calls laid out beforehand: between its birth and the program the child
// shares our memory and may not allocate. Source: mount_namespaces(7), pivot_root(2), network_namespaces(7).
//
// What is the same for many children is a SandboxBase; a child's own mounts come over it. A directory that is empty in
// the base and in which a mount of the child's lies is made anew for the child.

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/mutex.h"
#include "base/result.h"
#include "proc/child_user.h"
#include "proc/launcher.h"
#include "proc/sandbox_base.h"
#include "proc/sandbox_step.h"

namespace millrace::proc {

// What a child that asks for nothing else has: in memory, and of so many bytes.
inline constexpr std::uint64_t kSharedMemoryBytes = 2ULL << 30, kTemporaryBytes = 2ULL << 30;

// The bases of a launcher's children. Where its process has a mount namespace of its own, they are laid out there once:
// a child's namespace is a copy of it. Elsewhere each child lays its base out itself. Any thread may ask.
class SandboxBases {
 public:
  static constexpr std::size_t kMaxKept = 64;
  static constexpr std::size_t kMaxPrepared = 3;  // each costs all children the copying of its mounts

  // `root`: an empty directory, on which children mount their new root, or below which the bases are.
  SandboxBases(std::filesystem::path root, bool in_own_namespace);

  // Those of a machine that has changed since they were made are forgotten. `in_use`: for a child, and laid out where
  // that can be; else it is only looked at.
  std::shared_ptr<const SandboxBase> find(const SandboxBaseKey& key, bool in_use);
  const std::string& root() const { return root_; }

 private:
  bool machine_has_changed() MR_REQUIRES(mutex_);
  void prepare(SandboxBase& base) MR_REQUIRES(mutex_);

  Mutex mutex_;
  const std::string root_;
  const bool in_own_namespace_;
  Fd mounts_;  // readable with an error when the namespace's mounts have changed
  std::int64_t top_changed_ MR_GUARDED_BY(mutex_) = 0;
  std::size_t last_ MR_GUARDED_BY(mutex_) = 0;
  std::map<SandboxBaseKey, std::shared_ptr<SandboxBase>> kept_ MR_GUARDED_BY(mutex_);
  std::size_t prepared_ MR_GUARDED_BY(mutex_) = 0;  // of those
};

// Gives the calling process, which has one thread, a mount namespace of its own, in which it goes on to see what is
// mounted on the machine. false: it may not.
bool enter_own_mount_namespace();

class SandboxPlan {
 public:
  static Result<SandboxPlan> make(const Sandbox& sandbox, SandboxBases& bases, std::optional<ChildUser> user);

  int clone_flags() const { return flags_; }

  // In the child, after its start is recorded. nullptr: done; otherwise what failed, with errno set.
  const char* enter() const noexcept;

 private:
  const char* enter_root() const noexcept;
  const char* mount_proc() const noexcept;
  void set_namespaces(const Sandbox& sandbox, const std::optional<ChildUser>& user);
  Status add_steps(const std::vector<Mount>& mounts, const std::vector<std::string>& hidden);
  void add(const Mount& mount);
  Status add_files(const Mount& mount);
  void renew(const std::string& blank);
  void place_late(const std::string& target, const std::string& above, bool is_file);
  std::string filled_above(const std::string& target) const;
  static Step source_step(const Mount& mount, const std::string& target, const std::vector<std::string>& hidden);

  int flags_ = 0;
  StepContext context_;
  bool may_nest_ = false;
  std::string root_;
  std::shared_ptr<const SandboxBase> base_;
  std::vector<Step> steps_;           // after the base
  std::vector<std::string> seals_;    // what is read-only after that
  std::vector<std::string> mounted_;  // places that are filled only after the base is read-only
  std::string uid_map_, gid_map_;     // of a user namespace; empty: none
};

}  // namespace millrace::proc
