#pragma once
// The open streams (watches, followed logs) that wait for something to happen.

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace millrace::kube {

// Held by a stream; its end is the end of the waiting.
class Sleeper {
 public:
  void attach(std::function<void()> wake);
  void wake();

 private:
  std::mutex mutex_;
  std::function<void()> wake_;
};

// Wakes all on a change, and twice a second as long as there is anyone: lines of a log announce themselves to nobody.
class Sleepers {
 public:
  static constexpr std::size_t kMax = 1'000;
  ~Sleepers();
  std::shared_ptr<Sleeper> add();  // null when there are too many
  void wake_all();

 private:
  std::vector<std::shared_ptr<Sleeper>> awake_ones();
  void tick();

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::weak_ptr<Sleeper>> all_;
  std::thread thread_;  // started by the first
  bool stopping_ = false;
};

}  // namespace millrace::kube
