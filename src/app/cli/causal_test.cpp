#include "app/cli/causal.h"

#include <algorithm>
#include <random>

#include <gtest/gtest.h>

namespace millrace::app {
namespace {

std::size_t position(const std::vector<CausalStep>& order, CausalStep step) {
  return static_cast<std::size_t>(std::find(order.begin(), order.end(), step) - order.begin());
}

TEST(CausalOrder, ATaskComesAfterWhatItDependsOnAndInItsGroup) {
  // 0 depends on 2; 1 is a group with 3 and 4, of which 3 depends on 4.
  const std::vector<CausalTask> tasks = {{CausalTask::kNone, {2}}, {}, {}, {1, {4}}, {1, {}}};
  const std::vector<CausalStep> expected = {{1, false}, {2, false}, {2, true},  {0, false}, {0, true},
                                            {4, false}, {4, true},  {3, false}, {3, true},  {1, true}};
  EXPECT_EQ(causal_order(tasks), expected);
}

TEST(CausalOrder, IsThatOfTheTasksWhereNothingElseDecides) {
  EXPECT_EQ(causal_order({{}, {}}), (std::vector<CausalStep>{{0, false}, {0, true}, {1, false}, {1, true}}));
  EXPECT_TRUE(causal_order({}).empty());
}

TEST(CausalOrder, CirclesAndUnknownTasksLoseNothing) {
  const auto order = causal_order({{CausalTask::kNone, {1}}, {CausalTask::kNone, {0}}, {7, {99}}});
  EXPECT_EQ(order.size(), 6U);
  EXPECT_LT(position(order, {2, true}), position(order, {0, false}));
}

TEST(CausalOrder, HoldsForRandomGraphs) {
  for (unsigned seed = 0; seed < 200; ++seed) {
    std::mt19937 random(seed);
    std::vector<CausalTask> tasks(1 + random() % 40);
    // Names are shuffled: what a task depends on may stand before or behind it.
    std::vector<std::size_t> rank(tasks.size());
    for (std::size_t i = 0; i < rank.size(); ++i) rank[i] = i;
    std::shuffle(rank.begin(), rank.end(), random);
    for (std::size_t i = 1; i < tasks.size(); ++i) {
      for (unsigned n = random() % 3; n > 0; --n) tasks[rank[i]].depends_on.push_back(rank[random() % i]);
    }
    const auto order = causal_order(tasks);
    ASSERT_EQ(order.size(), 2 * tasks.size());
    for (std::size_t i = 0; i < tasks.size(); ++i) {
      for (const std::size_t earlier : tasks[i].depends_on)
        EXPECT_LT(position(order, {earlier, true}), position(order, {i, false})) << "seed " << seed;
    }
  }
}

}  // namespace
}  // namespace millrace::app
