#pragma once
// Keeps the logs of running children below a limit (child_log.h): a thread of the launcher's own looks at them, the
// more often the faster they grow, and cuts them. Children are neither asked nor held up.
//
// It holds the descriptor of a log that the launcher had opened for the child: whatever the child does to the name
// (removes it, puts a link there), it is this file that its output goes to. Beyond kMaxHeld logs at once a log is
// opened by its name for each look, and left alone where the name is another file's by then.

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/file.h"
#include "base/mutex.h"
#include "proc/child_log.h"

namespace millrace::proc {

class LogLimit {
 public:
  static constexpr std::chrono::milliseconds kShortestLook{20}, kLongestLook{200};
  static constexpr std::size_t kMaxHeld = 256;  // a process has 1,024 descriptors unless it is given more

  ~LogLimit();
  void set(std::uint64_t bytes);  // 0: none; at least kLeastChildLogLimit
  // `log`: the file at `path`, open for writing; what is no regular file is let go.
  void watch(std::int64_t pid, Fd log, std::string path);
  void release(std::int64_t pid);  // the child has ended: its log is cut once more, if need be

 private:
  using Steady = std::chrono::steady_clock;
  struct Log {
    std::string path;
    std::uint64_t device = 0, inode = 0;
    Fd held;
    Fd own;  // the same file without O_APPEND, opened when it has to be cut
    bool failed = false;
    std::uint64_t size = 0;
    Steady::time_point looked, next;
    Steady::duration wait = kShortestLook;  // while it does not grow, twice as long each time
  };
  void run();
  static void look(Log& log, std::uint64_t limit);
  static Status cut(Log& log, const Fd& file, std::uint64_t limit);

  Mutex mutex_;
  CondVar changed_;
  std::uint64_t limit_ MR_GUARDED_BY(mutex_) = kDefaultChildLogLimit;
  std::multimap<std::int64_t, std::shared_ptr<Log>> logs_ MR_GUARDED_BY(mutex_);  // shared with the thread's looks
  std::size_t held_ MR_GUARDED_BY(mutex_) = 0;
  std::vector<std::shared_ptr<Log>> ended_ MR_GUARDED_BY(mutex_);  // longer than the limit when their children ended
  bool stopping_ MR_GUARDED_BY(mutex_) = false, idle_ MR_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

// The log of a child that another launcher started, found again: the file at `path`, if it is the one that the process
// has as its standard output or error. No link is followed on the way.
Fd find_log(std::int64_t pid, const std::string& path);

}  // namespace millrace::proc
