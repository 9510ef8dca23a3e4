#include "algorithms/kmeans.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "algorithms/kmeans_centres.h"
#include "algorithms/random.h"

namespace millrace::algorithms {
namespace {

struct Table {
  std::size_t dim = 0;
  std::vector<float> values;
  std::size_t rows() const { return values.size() / dim; }
};

Result<Rows> load(const Table& table, Team& team) {
  std::vector<const std::uint8_t*> pointers;
  for (std::size_t i = 0; i < table.rows(); ++i) {
    pointers.push_back(reinterpret_cast<const std::uint8_t*>(table.values.data() + i * table.dim));
  }
  return Rows::from_float_bytes(pointers, table.dim, team);
}

// `clusters` groups around well separated points; the rounding decides whether the rows can be kept as bytes.
Table groups(std::size_t clusters, std::size_t rows, std::size_t dim, bool whole_numbers, std::uint64_t seed) {
  Random random(seed);
  std::vector<double> middles(clusters * dim);
  for (double& middle : middles) middle = 40 + 160 * random.uniform();
  Table table{dim, {}};
  for (std::size_t i = 0; i < rows; ++i) {
    const std::size_t cluster = random.below(clusters);
    for (std::size_t d = 0; d < dim; ++d) {
      const double value = middles[cluster * dim + d] + 4 * random.normal();
      table.values.push_back(static_cast<float>(whole_numbers ? std::round(value) : value));
    }
  }
  return table;
}

KMeansOptions options_of(std::size_t k, std::uint64_t seed) {
  KMeansOptions options;
  options.k = k;
  options.mini_batch_size = 200;
  options.seed = seed;
  return options;
}

TEST(Rows, KeepWhatBytesCanHoldAndNothingElse) {
  Team team(2);
  for (const float denominator : {255.0f, 256.0f, 1.0f}) {
    Table table{3, {}};
    for (int i = 0; i < 3000; ++i) table.values.push_back(static_cast<float>(i % 256) / denominator);
    const auto rows = load(table, team);
    ASSERT_TRUE(rows);
    EXPECT_TRUE(rows->coded());
    EXPECT_EQ(rows->denominator(), denominator);
    std::vector<float> row(3);
    for (std::size_t i = 0; i < rows->size(); ++i) {
      rows->copy_row(i, row.data());
      EXPECT_EQ(std::memcmp(row.data(), table.values.data() + i * 3, 12), 0);
    }
    table.values[2999] = 0.123f;  // far behind the first rows
    const auto other = load(table, team);
    ASSERT_TRUE(other);
    EXPECT_FALSE(other->coded());
    other->copy_row(999, row.data());
    EXPECT_EQ(row[2], 0.123f);
  }
}

TEST(Rows, NameTheRowThatIsNotFinite) {
  Team team(2);
  Table table = groups(2, 5000, 4, false, 1);
  table.values[4321 * 4 + 2] = std::nanf("");
  const auto rows = load(table, team);
  ASSERT_FALSE(rows);
  EXPECT_EQ(rows.error().code, Code::invalid_argument);
  EXPECT_NE(rows.error().message.find("row 4321"), std::string::npos) << rows.error().message;
}

class KMeans : public ::testing::TestWithParam<bool> {};

TEST_P(KMeans, FindsSeparatedGroups) {
  Team team(2);
  const Table table = groups(6, 3000, 20, GetParam(), 5);
  const auto rows = load(table, team);
  ASSERT_TRUE(rows);
  EXPECT_EQ(rows->coded(), GetParam());
  for (std::uint64_t seed = 0; seed < 5; ++seed) {
    KMeansOptions options = options_of(6, seed);
    options.init_method = seed % 2 == 0 ? KMeansOptions::Init::random : KMeansOptions::Init::kmeans_plus_plus;
    const auto fit = train_kmeans(*rows, options, team);
    ASSERT_TRUE(fit);
    // Twenty coordinates with a deviation of 4 around each centre.
    EXPECT_NEAR(fit->train_msd, 20 * 16, 12) << seed;
  }
}

TEST_P(KMeans, SameBytesForAnyThreads) {
  const Table table = groups(9, 20'000, 30, GetParam(), 6);
  Team one(1);
  std::vector<float> expected;
  for (const unsigned threads : {1u, 2u, 5u}) {
    Team team(threads);
    const auto rows = load(table, team);
    ASSERT_TRUE(rows);
    KMeansOptions options = options_of(12, 42);
    options.epochs = 2;
    options.half_life_time_size = 5000;
    const auto fit = train_kmeans(*rows, options, team);
    ASSERT_TRUE(fit);
    if (expected.empty()) expected = fit->model.centres;
    ASSERT_EQ(expected.size(), fit->model.centres.size());
    EXPECT_EQ(std::memcmp(expected.data(), fit->model.centres.data(), expected.size() * sizeof(float)), 0) << threads;
  }
}

// The bounds only save work: the centres are those of Lloyd's loop written plainly.
TEST_P(KMeans, PolishIsLloyd) {
  Team team(2);
  const Table table = groups(25, 4000, 12, GetParam(), 8);
  const auto rows = load(table, team);
  ASSERT_TRUE(rows);
  const std::size_t k = 7;
  Random random(3);
  const RowList all = RowList::all(*rows);
  Centres centres = random_centres(all, k, random);
  std::vector<std::vector<double>> plain(k, std::vector<double>(table.dim));
  for (std::size_t c = 0; c < k; ++c) {
    for (std::size_t d = 0; d < table.dim; ++d) plain[c][d] = centres.row(c)[d];
  }
  const std::size_t passes = 12;
  const Polished polished = polish(all, centres, passes, 0, team);
  EXPECT_GT(polished.iterations, 3u);  // it ends early when nothing changes; so does the plain loop, in effect
  for (std::size_t pass = 0; pass < passes; ++pass) {
    std::vector<std::vector<double>> sums(k, std::vector<double>(table.dim));
    std::vector<double> counts(k);
    for (std::size_t i = 0; i < table.rows(); ++i) {
      std::size_t nearest = 0;
      double least = INFINITY;
      for (std::size_t c = 0; c < k; ++c) {
        double distance = 0;
        for (std::size_t d = 0; d < table.dim; ++d)
          distance += std::pow(table.values[i * table.dim + d] - plain[c][d], 2);
        if (distance < least) {
          least = distance;
          nearest = c;
        }
      }
      counts[nearest] += 1;
      for (std::size_t d = 0; d < table.dim; ++d) sums[nearest][d] += table.values[i * table.dim + d];
    }
    for (std::size_t c = 0; c < k; ++c) {
      for (std::size_t d = 0; d < table.dim && counts[c] > 0; ++d) plain[c][d] = sums[c][d] / counts[c];
    }
  }
  for (std::size_t c = 0; c < k; ++c) {
    for (std::size_t d = 0; d < table.dim; ++d) EXPECT_NEAR(centres.row(c)[d], plain[c][d], 2e-3);
  }
}

TEST_P(KMeans, PolishNeverMakesItWorse) {
  Team team(2);
  const auto rows = load(groups(30, 5000, 10, GetParam(), 9), team);
  ASSERT_TRUE(rows);
  KMeansOptions options = options_of(10, 1);
  options.polish_max_iter = 0;
  const auto documented = train_kmeans(*rows, options, team);
  options.polish_max_iter = 300;
  options.polish_candidates = 1;
  const auto polished = train_kmeans(*rows, options, team);
  ASSERT_TRUE(documented && polished);
  EXPECT_EQ(documented->polish_iterations, 0u);
  EXPECT_GT(polished->polish_iterations, 0u);
  EXPECT_LT(polished->train_msd, documented->train_msd);
}

TEST_P(KMeans, ManyCentresAndFewRows) {
  Team team(2);
  const auto rows = load(groups(3, 40, 5, GetParam(), 10), team);
  ASSERT_TRUE(rows);
  const auto all = train_kmeans(*rows, options_of(40, 1), team);  // every row its own centre
  ASSERT_TRUE(all);
  EXPECT_NEAR(all->train_msd, 0, 1e-3);
  const auto too_many = train_kmeans(*rows, options_of(41, 1), team);
  ASSERT_FALSE(too_many);
  EXPECT_EQ(too_many.error().code, Code::invalid_argument);
  const auto one = train_kmeans(*rows, options_of(1, 1), team);
  ASSERT_TRUE(one);
  EXPECT_GT(one->train_msd, 0);
}

INSTANTIATE_TEST_SUITE_P(BytesAndFloats, KMeans, ::testing::Bool());

TEST(KMeans, SameRowsOverAndOver) {
  Team team(2);
  Table table{4, {}};
  for (int i = 0; i < 300; ++i) table.values.insert(table.values.end(), {1.5f, 2.25f, -3, 0.1f});
  const auto rows = load(table, team);
  ASSERT_TRUE(rows);
  for (const auto init : {KMeansOptions::Init::random, KMeansOptions::Init::kmeans_plus_plus}) {
    KMeansOptions options = options_of(3, 1);
    options.init_method = init;
    const auto fit = train_kmeans(*rows, options, team);
    ASSERT_TRUE(fit);
    EXPECT_NEAR(fit->train_msd, 0, 1e-9);
  }
}

TEST(KMeans, ReportsItsSteps) {
  Team team(1);
  const auto rows = load(groups(4, 1000, 8, true, 2), team);
  ASSERT_TRUE(rows);
  KMeansOptions options = options_of(4, 1);
  options.extra_center_factor = 5;
  options.epochs = 2;
  options.local_lloyd_num_trials = 3;
  std::size_t epochs = 0, trials = 0, polishes = 0, shrinks = 0;
  const auto fit = train_kmeans(*rows, options, team, [&](const KMeansEvent& event) {
    epochs += event.kind == KMeansEvent::Kind::epoch;
    trials += event.kind == KMeansEvent::Kind::local_lloyd;
    polishes += event.kind == KMeansEvent::Kind::polish;
    shrinks += event.kind == KMeansEvent::Kind::shrink && event.index == 20 && event.rows == 4;
  });
  ASSERT_TRUE(fit);
  EXPECT_EQ(epochs, 2u);
  EXPECT_EQ(trials, 3u);
  EXPECT_EQ(polishes, 1u);
  EXPECT_EQ(shrinks, 1u);
}

TEST(KMeansPredictor, AgreesWithTheEvaluation) {
  Team team(2);
  const Table table = groups(5, 999, 13, false, 4);
  const auto rows = load(table, team);
  ASSERT_TRUE(rows);
  const auto fit = train_kmeans(*rows, options_of(5, 2), team);
  ASSERT_TRUE(fit);
  const KMeansPredictor predictor(fit->model);
  std::vector<std::int32_t> closest(table.rows());
  std::vector<float> distance(table.rows());
  predictor.predict(table.values, closest, distance);
  double sum = 0;
  for (const float value : distance) sum += static_cast<double>(value) * value;
  const auto score = evaluate_kmeans(fit->model, *rows, team);
  ASSERT_TRUE(score);
  EXPECT_NEAR(sum, score->ssd, 1e-4 * score->ssd);
  EXPECT_NEAR(score->msd * static_cast<double>(table.rows()), score->ssd, 1e-6 * score->ssd);
  EXPECT_EQ(score->msd, fit->train_msd);
}

TEST(Team, DoesEachPieceOnce) {
  for (const unsigned threads : {1u, 2u, 7u}) {
    Team team(threads);
    for (int round = 0; round < 50; ++round) {
      std::vector<std::size_t> done(97);
      team.for_each(done.size(), [&](std::size_t i) { ++done[i]; });
      EXPECT_EQ(std::count(done.begin(), done.end(), 1u), 97);
    }
  }
}

}  // namespace
}  // namespace millrace::algorithms
