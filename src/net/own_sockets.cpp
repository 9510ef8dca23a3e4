#include "net/own_sockets.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <unordered_set>

#include "base/mutex.h"

namespace millrace::net {
namespace {

struct Known {
  Mutex mutex;
  std::unordered_set<std::uint64_t> inodes MR_GUARDED_BY(mutex);
};

Known& known() {
  static Known& one = *new Known;  // a client's destructor may be the last thing of the process
  return one;
}

std::uint64_t inode_of(int descriptor) {
  struct stat facts{};
  return ::fstat(descriptor, &facts) == 0 ? facts.st_ino : 0;
}

}  // namespace

int open_own_socket(int family, int type, int protocol) {
  const int descriptor = ::socket(family, type | SOCK_CLOEXEC, protocol);
  if (descriptor < 0) return -1;
  Known& all = known();
  const MutexLock lock(all.mutex);
  all.inodes.insert(inode_of(descriptor));
  return descriptor;
}

int close_own_socket(int descriptor) {
  Known& all = known();
  const MutexLock lock(all.mutex);
  // Closed first: while it is open it is known. A new one of the same inode is not known before this lock is free.
  const std::uint64_t inode = inode_of(descriptor);
  const int closed = ::close(descriptor);
  all.inodes.erase(inode);
  return closed;
}

bool is_own_socket(std::uint64_t inode) {
  Known& all = known();
  const MutexLock lock(all.mutex);
  return all.inodes.contains(inode);
}

}  // namespace millrace::net
