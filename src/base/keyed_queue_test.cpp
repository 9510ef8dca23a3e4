#include "base/keyed_queue.h"

#include <atomic>
#include <future>
#include <latch>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace millrace {
namespace {

using Keys = std::vector<std::string>;

// --- by hand ---

class ManualQueue : public testing::Test {
 protected:
  void post(const std::string& key, std::string word) {
    EXPECT_TRUE(queue_.post(key, [this, word = std::move(word)] { said_ += word; }));
  }
  std::string said_;
  KeyedQueue queue_{KeyedQueue::Manual(), [this](const std::string& key) { said_ += "(" + key + ")"; }};
};

TEST_F(ManualQueue, DoesNothingButByTurns) {
  post("a", "1");
  post("b", "2");
  post("a", "3");
  EXPECT_EQ(said_, "");
  EXPECT_EQ(queue_.waiting(), (Keys{"a", "b"}));
  EXPECT_TRUE(queue_.run("b"));
  EXPECT_FALSE(queue_.run("b"));
  EXPECT_FALSE(queue_.run("c"));
  EXPECT_TRUE(queue_.run("a"));
  EXPECT_EQ(said_, "2(b)13(a)");
  EXPECT_EQ(queue_.size(), 0U);
}

TEST_F(ManualQueue, PutsWhatATurnPostsIntoTheNext) {
  EXPECT_TRUE(queue_.post("a", [this] {
    said_ += "1";
    post("a", "2");
    EXPECT_EQ(queue_.waiting(), Keys());  // it has the turn
  }));
  EXPECT_TRUE(queue_.run("a"));
  EXPECT_EQ(said_, "1(a)");
  EXPECT_EQ(queue_.waiting(), Keys{"a"});
  queue_.run_all();
  EXPECT_EQ(said_, "1(a)2(a)");
}

TEST_F(ManualQueue, MakesOneOfPokesThatGather) {
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(queue_.poke("a"));
  queue_.run_all();
  EXPECT_EQ(said_, "(a)");
}

TEST_F(ManualQueue, DoesABatchATurn) {
  std::size_t done = 0;
  for (std::size_t i = 0; i < KeyedQueue::kBatch + 1; ++i) EXPECT_TRUE(queue_.post("a", [&] { ++done; }));
  EXPECT_TRUE(queue_.run("a"));
  EXPECT_EQ(done, KeyedQueue::kBatch);
  EXPECT_TRUE(queue_.run("a"));
  EXPECT_EQ(done, KeyedQueue::kBatch + 1);
  EXPECT_FALSE(queue_.run("a"));
}

TEST_F(ManualQueue, DropsWhatWaitsWhenItIsStopped) {
  const auto held = std::make_shared<int>();
  EXPECT_TRUE(queue_.post("a", [held] { ADD_FAILURE(); }));
  queue_.stop();
  EXPECT_EQ(held.use_count(), 1);
  EXPECT_FALSE(queue_.run("a"));
  EXPECT_FALSE(queue_.poke("a"));
  EXPECT_EQ(queue_.size(), 0U);
}

// --- on threads ---

TEST(KeyedQueue, DoesWhatGatheredInOneTurnAndInOrder) {
  constexpr int kWorks = 200;
  std::vector<int> done;
  std::vector<std::size_t> flushed;
  std::promise<void> begun, begin, end, other_done;
  KeyedQueue queue({2, "test-queue"}, [&](const std::string& key) {
    if (key == "a") flushed.push_back(done.size());
  });
  queue.post("a", [&] {
    begun.set_value();
    begin.get_future().wait();
  });
  begun.get_future().wait();
  for (int i = 0; i < kWorks; ++i) queue.post("a", [&, i] { done.push_back(i); });
  queue.post("a", [&] { end.set_value(); });
  queue.post("b", [&] { other_done.set_value(); });
  other_done.get_future().wait();  // though "a" is busy
  begin.set_value();
  end.get_future().wait();
  queue.stop();
  ASSERT_EQ(done.size(), std::size_t{kWorks});
  for (int i = 0; i < kWorks; ++i) EXPECT_EQ(done[static_cast<std::size_t>(i)], i);
  // One for the work that was alone, one for all that had gathered behind it.
  EXPECT_EQ(flushed, (std::vector<std::size_t>{0, kWorks}));
}

TEST(KeyedQueue, NeverWorksOnOneKeyTwiceAtOnce) {
  constexpr int kWorks = 3'000;
  std::map<std::string, int> inside = {{"a", 0}, {"b", 0}, {"c", 0}};
  std::atomic<int> clashes = 0;
  std::latch end(kWorks);
  const Keys keys = {"a", "b", "c"};
  KeyedQueue queue({4, "test-queue"}, [&](const std::string& key) {
    if (inside[key] != 0) ++clashes;
  });
  for (int i = 0; i < kWorks; ++i) {
    const std::string& key = keys[static_cast<std::size_t>(i) % keys.size()];
    queue.post(key, [&, key] {
      if (inside[key]++ != 0) ++clashes;
      --inside[key];
      end.count_down();
    });
  }
  end.wait();
  queue.stop();
  EXPECT_EQ(clashes, 0);
}

TEST(KeyedQueue, GivesAKeyThatIsPokedInItsTurnAnother) {
  int turns = 0;
  std::promise<void> begun, begin, again;
  KeyedQueue queue({2, "test-queue"}, [&](const std::string&) {
    if (++turns == 2) return again.set_value();
    begun.set_value();
    begin.get_future().wait();
  });
  queue.poke("a");
  begun.get_future().wait();
  for (int i = 0; i < 3; ++i) queue.poke("a");
  begin.set_value();
  again.get_future().wait();
  queue.stop();
  EXPECT_EQ(turns, 2);
}

TEST(KeyedQueue, EndsTheTurnThatIsUnderWayWhenItIsStopped) {
  std::promise<void> begun;
  std::promise<int> dropped;
  auto answer = dropped.get_future();
  bool flushed = false;
  KeyedQueue queue({1, "test-queue"}, [&](const std::string&) { flushed = true; });
  queue.post("a", [&, held = std::make_shared<std::promise<int>>(std::move(dropped))]() mutable {
    queue.post("b", [held = std::move(held)] { held->set_value(1); });
    begun.set_value();
    // What waits is dropped before the turns' end is waited for: who waits for it in a turn hears of it.
    EXPECT_THROW(answer.get(), std::future_error);
  });
  begun.get_future().wait();
  queue.stop();
  EXPECT_TRUE(flushed);
  EXPECT_FALSE(queue.post("a", [] { ADD_FAILURE(); }));
}

}  // namespace
}  // namespace millrace
