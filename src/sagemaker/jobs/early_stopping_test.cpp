#include "sagemaker/jobs/early_stopping.h"

#include <gtest/gtest.h>

#include "base/json.h"

namespace millrace::sagemaker {
namespace {

TEST(EarlyStopping, StopsWhatIsWorseThanTheMedianOfEarlierAverages) {
  const std::vector<History> earlier{{4, 2, 0}, {5, 3, 1}, {6, 4, 2}};  // averages after two epochs: 3, 4, 5
  EXPECT_FALSE(falls_behind(true, {9, 4}, earlier));
  EXPECT_TRUE(falls_behind(true, {9, 4.5}, earlier));
  EXPECT_TRUE(falls_behind(false, {9, 3.5}, earlier));
  EXPECT_FALSE(falls_behind(false, {9, 4.5}, earlier));
  EXPECT_FALSE(falls_behind(true, {}, earlier));
  EXPECT_FALSE(falls_behind(true, {9, 9, 9, 9}, earlier));  // nobody has come as far
  EXPECT_FALSE(falls_behind(true, {9, 9}, {{1, 1}, {1, 1}, {1}}));
}

TEST(EarlyStopping, HyperbandKeepsTheBestThirdAtEachRung) {
  const Rungs rungs{1, 9};
  EXPECT_FALSE(is_halved(true, rungs, {9}, {{1}}));  // too few to compare
  EXPECT_TRUE(is_halved(true, rungs, {9}, {{1}, {2}}));
  EXPECT_FALSE(is_halved(true, rungs, {1}, {{9}, {2}}));
  EXPECT_TRUE(is_halved(false, rungs, {1}, {{9}, {2}}));
  EXPECT_TRUE(is_halved(true, rungs, {1, 1, 9}, {{5, 5, 1}, {6, 6, 2}}));  // at the rung of three epochs
  EXPECT_FALSE(is_halved(true, rungs, {1, 9}, {{5, 1}, {6, 2}}));          // between rungs
  EXPECT_FALSE(is_halved(true, {9, 9}, History(9, 9.0), {History(9, 1.0), History(9, 1.0)}));  // at its end
  const Rungs read = rungs_of(
      *parse_json(R"({"StrategyConfig": {"HyperbandStrategyConfig": {"MinResource": 2, "MaxResource": 20}}})"));
  EXPECT_EQ(read.least, 2);
  EXPECT_EQ(read.most, 20);
}

}  // namespace
}  // namespace millrace::sagemaker
