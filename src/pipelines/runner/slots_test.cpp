#include "pipelines/runner/slots.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace millrace::pipelines::runner {
namespace {

struct Line {
  Slots slots{1};
  std::vector<std::string> started;
  bool take(const std::string& run, const std::string& key) {
    return slots.take(run, key, [this, key] { started.push_back(key); });
  }
};

TEST(Slots, LetRunsTakeTurns) {
  Line line;
  EXPECT_TRUE(line.take("large", "large/0"));
  for (const char* key : {"large/1", "large/2", "large/3"}) EXPECT_FALSE(line.take("large", key));
  EXPECT_FALSE(line.take("small", "small/0"));
  line.slots.release("large", "large/0");
  line.slots.release("large", "large/1");
  line.slots.release("small", "small/0");
  line.slots.release("large", "large/2");
  EXPECT_EQ(line.started, (std::vector<std::string>{"large/1", "small/0", "large/2", "large/3"}));
}

TEST(Slots, LetNobodyPassTheLine) {
  Line line;
  line.slots.occupy("other", "adopted");
  line.slots.occupy("other", "adopted too");  // more than the limit: they run already
  EXPECT_FALSE(line.take("a", "a/0"));
  line.slots.release("other", "adopted");
  EXPECT_TRUE(line.started.empty());
  EXPECT_FALSE(line.take("b", "b/0"));
  line.slots.release("other", "adopted too");
  EXPECT_EQ(line.started, std::vector<std::string>{"a/0"});
  EXPECT_TRUE(line.take("a", "a/0"));  // it has one
}

TEST(Slots, KeepARunToItsOwnLimit) {
  Slots slots{3};
  std::vector<std::string> started;
  const auto take = [&](const std::string& run, const std::string& key, std::size_t of_run) {
    return slots.take(run, key, [&started, key] { started.push_back(key); }, of_run);
  };
  EXPECT_TRUE(take("one", "one/0", 1));
  EXPECT_FALSE(take("one", "one/1", 1));
  EXPECT_FALSE(take("one", "one/2", 1));
  EXPECT_TRUE(take("free", "free/0", 0));  // others pass who may not start anyway
  EXPECT_TRUE(take("free", "free/1", 0));
  EXPECT_FALSE(take("free", "free/2", 0));
  slots.release("free", "free/0");
  slots.release("one", "one/0");
  slots.release("one", "one/2");  // from the line
  slots.release("one", "one/1");
  EXPECT_EQ(started, (std::vector<std::string>{"free/2", "one/1"}));
  EXPECT_TRUE(take("one", "one/3", 1));
}

TEST(Slots, AreGivenUpByWhoLeaves) {
  Line line;
  EXPECT_TRUE(line.take("a", "a/0"));
  EXPECT_FALSE(line.take("a", "a/1"));
  EXPECT_FALSE(line.take("b", "b/0"));
  line.slots.release("a", "a/1");  // from the line
  line.slots.release("a", "a/0");
  EXPECT_EQ(line.started, std::vector<std::string>{"b/0"});
  line.slots.release("b", "b/0");
  EXPECT_TRUE(line.take("c", "c/0"));
}

}  // namespace
}  // namespace millrace::pipelines::runner
