#include "pipelines/runner/strands.h"

#include <atomic>
#include <condition_variable>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace millrace::pipelines::runner {
namespace {

class Latch {
 public:
  void open() {
    const std::lock_guard lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }
  void wait() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return open_; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool open_ = false;
};

TEST(Strands, DoWhatGatheredInOneGoAndInOrder) {
  constexpr int kWorks = 200;
  std::vector<int> done;
  std::vector<std::size_t> flushed;
  Latch begun, begin, end;
  Strands strands(2, [&](const std::string& key) {
    if (key == "a") flushed.push_back(done.size());
  });
  strands.post("a", [&] {
    begun.open();
    begin.wait();
  });
  begun.wait();
  for (int i = 0; i < kWorks; ++i) strands.post("a", [&, i] { done.push_back(i); });
  strands.post("a", [&] { end.open(); });
  std::atomic<bool> other = false;
  Latch other_done;
  strands.post("b", [&] {
    other = true;
    other_done.open();
  });
  other_done.wait();  // though "a" is busy
  EXPECT_TRUE(other);
  begin.open();
  end.wait();
  strands.stop();
  ASSERT_EQ(done.size(), std::size_t{kWorks});
  for (int i = 0; i < kWorks; ++i) EXPECT_EQ(done[static_cast<std::size_t>(i)], i);
  // One for the work that was alone, one for all that had gathered behind it.
  EXPECT_EQ(flushed, (std::vector<std::size_t>{0, kWorks}));
}

TEST(Strands, NeverWorkOnOneKeyTwiceAtOnce) {
  std::map<std::string, int> inside;
  std::atomic<int> clashes = 0, count = 0;
  Latch end;
  const std::vector<std::string> keys = {"a", "b", "c"};
  for (const std::string& key : keys) inside[key] = 0;
  Strands strands(4, [&](const std::string& key) {
    if (inside[key] != 0) ++clashes;
  });
  for (int i = 0; i < 3'000; ++i) {
    const std::string& key = keys[static_cast<std::size_t>(i) % keys.size()];
    strands.post(key, [&, key] {
      if (inside[key]++ != 0) ++clashes;
      --inside[key];
      if (++count == 3'000) end.open();
    });
  }
  end.wait();
  strands.stop();
  EXPECT_EQ(clashes, 0);
}

TEST(Strands, TakeNoWorkOnceStopped) {
  Strands strands(1, [](const std::string&) {});
  strands.stop();
  EXPECT_FALSE(strands.post("a", [] { ADD_FAILURE(); }));
}

}  // namespace
}  // namespace millrace::pipelines::runner
