#include "pipelines/runner/slots.h"

#include <map>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace millrace::pipelines::runner {
namespace {

struct Line {
  explicit Line(std::size_t limit = 1) : slots(limit) {}
  Slots slots;
  std::vector<std::string> started;
  std::map<std::string, Slots::Lease> leases;
  bool take(const std::string& run, const std::string& key, std::size_t of_run = 0) {
    return (leases[key] = slots.take(run, [this, key] { started.push_back(key); }, of_run)).has_slot();
  }
  void release(const std::string& key) { leases.erase(key); }
};

TEST(Slots, LetRunsTakeTurns) {
  Line line;
  EXPECT_TRUE(line.take("large", "large/0"));
  for (const char* key : {"large/1", "large/2", "large/3"}) EXPECT_FALSE(line.take("large", key));
  EXPECT_FALSE(line.take("small", "small/0"));
  for (const char* key : {"large/0", "large/1", "small/0", "large/2"}) line.release(key);
  EXPECT_EQ(line.started, (std::vector<std::string>{"large/1", "small/0", "large/2", "large/3"}));
}

TEST(Slots, LetNobodyPassTheLine) {
  Line line;
  line.leases["adopted"] = line.slots.occupy("other");
  line.leases["adopted too"] = line.slots.occupy("other");  // more than the limit: they run already
  EXPECT_FALSE(line.take("a", "a/0"));
  line.release("adopted");
  EXPECT_TRUE(line.started.empty());
  EXPECT_FALSE(line.take("b", "b/0"));
  line.release("adopted too");
  EXPECT_EQ(line.started, std::vector<std::string>{"a/0"});
  EXPECT_TRUE(line.leases["a/0"].has_slot());
}

TEST(Slots, KeepARunToItsOwnLimit) {
  Line line(3);
  EXPECT_TRUE(line.take("one", "one/0", 1));
  EXPECT_FALSE(line.take("one", "one/1", 1));
  EXPECT_FALSE(line.take("one", "one/2", 1));
  EXPECT_TRUE(line.take("free", "free/0"));  // others pass who may not start anyway
  EXPECT_TRUE(line.take("free", "free/1"));
  EXPECT_FALSE(line.take("free", "free/2"));
  line.release("free/0");
  line.release("one/0");
  line.release("one/2");  // from the line
  line.release("one/1");
  EXPECT_EQ(line.started, (std::vector<std::string>{"free/2", "one/1"}));
  EXPECT_TRUE(line.take("one", "one/3", 1));
}

TEST(Slots, AreGivenUpByWhoLeaves) {
  Line line;
  EXPECT_TRUE(line.take("a", "a/0"));
  EXPECT_FALSE(line.take("a", "a/1"));
  EXPECT_FALSE(line.take("b", "b/0"));
  line.release("a/1");  // from the line
  line.release("a/0");
  EXPECT_EQ(line.started, std::vector<std::string>{"b/0"});
  line.release("b/0");
  EXPECT_TRUE(line.take("c", "c/0"));
  EXPECT_EQ(line.slots.taken(), 1u);
  EXPECT_EQ(line.slots.waiting(), 0u);
}

// A lease that is assigned to, moved from or dropped without a word gives back what it held, once.
TEST(Slots, FollowTheirLease) {
  Line line;
  Slots::Lease first = line.slots.take("a", [] {});
  Slots::Lease second = std::move(first);
  EXPECT_FALSE(first.has_slot());
  EXPECT_TRUE(second.has_slot());
  first.release();
  EXPECT_EQ(line.slots.taken(), 1u);
  second = Slots::Lease();
  EXPECT_EQ(line.slots.taken(), 0u);
  {
    const Slots::Lease passing = line.slots.take("a", [] {});
  }
  EXPECT_EQ(line.slots.taken(), 0u);
}

// Whoever is given a slot may give it back at once, within the call: a task that finds its result in the cache.
TEST(Slots, MayBeGivenBackWithinTheCall) {
  Line line;
  Slots::Lease first = line.slots.take("a", [] {});
  std::vector<Slots::Lease> waiting(5);
  int called = 0;
  for (Slots::Lease& lease : waiting) lease = line.slots.take("a", [&] { ++called, lease.release(); });
  first.release();
  EXPECT_EQ(called, 5);
  EXPECT_EQ(line.slots.taken(), 0u);
  EXPECT_EQ(line.slots.waiting(), 0u);
}

TEST(Slots, CallNobodyWhenClosed) {
  Slots::Lease held, waits;
  int called = 0;
  {
    Slots slots(1);
    held = slots.take("a", [] {});
    waits = slots.take("a", [&] { ++called; });
    slots.close();
  }
  held.release();
  EXPECT_FALSE(waits.has_slot());
  waits.release();
  EXPECT_EQ(called, 0);
}

}  // namespace
}  // namespace millrace::pipelines::runner
