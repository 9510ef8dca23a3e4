#include "proc/socket_holders.h"

#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <thread>

#include <gtest/gtest.h>

#include "base/file.h"

namespace millrace::proc {
namespace {

std::uint64_t inode_of(const Fd& socket) {
  struct stat facts{};
  return ::fstat(socket.get(), &facts) == 0 ? facts.st_ino : 0;
}

// A process that holds what this one holds, for as long as it lives.
class Holder {
 public:
  Holder() : process_(::fork()) {
    if (process_ == 0) {
      ::pause();
      ::_exit(0);
    }
  }
  ~Holder() { end(); }
  Holder(const Holder&) = delete;
  Holder& operator=(const Holder&) = delete;
  pid_t process() const { return process_; }
  void end() {
    if (process_ <= 0) return;
    ::kill(process_, SIGKILL);
    ::waitpid(process_, nullptr, 0);
    process_ = 0;
  }

 private:
  pid_t process_;
};

TEST(SocketHolders, AreTheOtherProcessesThatHaveADescriptor) {
  const Fd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  SocketHolders holders;
  EXPECT_TRUE(holders.of(inode_of(socket)).empty());
  Holder first, second;
  auto found = holders.of(inode_of(socket));
  std::sort(found.begin(), found.end());
  EXPECT_EQ(found, (std::vector<pid_t>{std::min(first.process(), second.process()),
                                       std::max(first.process(), second.process())}));
  first.end();
  EXPECT_EQ(holders.of(inode_of(socket)), std::vector<pid_t>{second.process()});
  EXPECT_TRUE(holders.of(0).empty());
  EXPECT_TRUE(SocketHolders(uid_t{54'321}).of(inode_of(socket)).empty());
}

// Whoever asks gets what was so after it asked, also where many share one look.
TEST(SocketHolders, AreFoundByManyAtOnce) {
  constexpr int kThreads = 16, kRounds = 20;
  const Fd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const Holder holder;
  SocketHolders holders;
  std::vector<std::thread> threads;
  std::atomic<int> wrong = 0;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&] {
      for (int round = 0; round < kRounds; ++round) {
        if (holders.of(inode_of(socket)) != std::vector<pid_t>{holder.process()}) ++wrong;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

}  // namespace
}  // namespace millrace::proc
