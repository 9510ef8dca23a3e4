#pragma once
// One system call or a few that lay out a sandbox. Paths without a leading '/' are in the new root, which is the
// working directory of who performs them; all others are the machine's. Between its birth and its program a child
// shares the launcher's memory: nothing here allocates. Source: mount_namespaces(7), mount_setattr(2), open_tree(2).

#include <sys/types.h>

#include <string>

namespace millrace::proc {

struct Step {
  // In the order in which steps at one place are taken: what hides comes after what shows.
  enum class Kind {
    directory,   // made, where there is none
    symlink,     // to `source`
    file,        // with the bytes of `source`
    node,        // a character device: that of the machine at `source`
    bind,        // `source`, as it is on the machine, read-only or not
    bind_below,  // `below`, a part of the directory `source` that is found through no link; mounted for the child to
                 // write to, or read-only
    memory,      // a file system in memory with the options `source`
    devices,     // the same, for nodes
    blank,       // an empty file over the one that is there
    seal,        // read-only from now on
  } kind = Kind::directory;
  std::string target;
  std::string source = {};
  std::string above =
      {};  // of what is made in a directory that others write to: its path, in which no link is followed
  std::string below = {};
  bool read_only = false;
  bool gives = false;  // bind_below: what is mounted belongs to the child's user afterwards
};

struct StepContext {
  bool is_root = false;  // may make device nodes
  uid_t user = 0;        // of the child, for Step::gives; 0: nothing is given
  gid_t group = 0;
};

// nullptr: done; otherwise what failed, with errno set.
const char* perform(const Step& step, const StepContext& context) noexcept;

// What is mounted at `path`; with what is mounted in it where `recursive`.
enum class Access { read_only, no_set_user, read_only_with_devices };
bool restrict_mount(const char* path, Access access, bool recursive) noexcept;

}  // namespace millrace::proc
