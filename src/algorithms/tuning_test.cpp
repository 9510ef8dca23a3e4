#include "algorithms/tuning.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <functional>
#include <numbers>
#include <set>

#include "algorithms/gaussian_process.h"
#include "algorithms/random.h"

namespace millrace::algorithms {
namespace {

using Kind = ParameterRange::Kind;
using Scaling = ParameterRange::Scaling;

ParameterRange integer(std::string name, double from, double to, Scaling scaling = Scaling::automatic) {
  return {std::move(name), Kind::integer, from, to, scaling, {}};
}
ParameterRange continuous(std::string name, double from, double to, Scaling scaling = Scaling::automatic) {
  return {std::move(name), Kind::continuous, from, to, scaling, {}};
}
ParameterRange categorical(std::string name, std::vector<std::string> values) {
  return {std::move(name), Kind::categorical, 0, 0, Scaling::automatic, std::move(values)};
}

double number(const Parameters& parameters, std::size_t i) {
  return std::strtod(parameters[i].second.c_str(), nullptr);
}

// The best objective after `trials`, `together` of them under way at a time.
double best_after(TuningRequest request, std::size_t trials, std::size_t together,
                  const std::function<double(const Parameters&)>& objective) {
  double best = INFINITY;
  const auto finish_one = [&] {
    const Parameters parameters = request.pending.front();
    request.pending.erase(request.pending.begin());
    const double value = objective(parameters);
    best = std::min(best, value);
    request.finished.push_back({parameters, request.minimise ? value : -value});
  };
  for (std::size_t i = 0; i < trials; ++i) {
    const auto parameters = suggest(request);
    EXPECT_TRUE(parameters) << parameters.error().message;
    if (!parameters) return best;
    request.pending.push_back(*parameters);
    if (request.pending.size() == together) finish_one();
  }
  while (!request.pending.empty()) finish_one();
  return best;
}

double branin(const Parameters& at) {
  const double x = number(at, 0), y = number(at, 1), pi = std::numbers::pi;
  return std::pow(y - 5.1 / (4 * pi * pi) * x * x + 5 / pi * x - 6, 2) + 10 * (1 - 1 / (8 * pi)) * std::cos(x) + 10;
}

TuningRequest branin_request(Strategy strategy, std::uint64_t seed) {
  TuningRequest request;
  request.strategy = strategy;
  request.ranges = {continuous("x", -5, 10, Scaling::linear), continuous("y", 0, 15, Scaling::linear)};
  request.seed = seed;
  return request;
}

TEST(Tuning, BayesianFindsBraninsMinimum) {
  std::vector<double> bayesian, random;
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    bayesian.push_back(best_after(branin_request(Strategy::bayesian, seed), 30, 1, branin) - 0.397887);
    random.push_back(best_after(branin_request(Strategy::random, seed), 30, 1, branin) - 0.397887);
  }
  std::sort(bayesian.begin(), bayesian.end());
  std::sort(random.begin(), random.end());
  EXPECT_LT(bayesian[2], 0.05);
  EXPECT_LT(bayesian[4], 0.6);
  EXPECT_LT(bayesian[2], random[2]);
}

TEST(Tuning, TwoAtATimeAndMaximising) {
  TuningRequest request = branin_request(Strategy::bayesian, 3);
  request.minimise = false;  // of the negative
  EXPECT_LT(best_after(request, 40, 2, branin) - 0.397887, 0.2);
}

TEST(Tuning, MixedParameters) {
  TuningRequest request;
  request.ranges = {integer("layers", 1, 12), continuous("rate", 1e-5, 1), categorical("kind", {"a", "b", "c"})};
  request.seed = 5;
  const auto objective = [](const Parameters& at) {
    return std::abs(number(at, 0) - 7) + std::abs(std::log10(number(at, 1)) + 3) * 2 + (at[2].second == "b" ? 0 : 3);
  };
  EXPECT_LT(best_after(request, 40, 1, objective), 1.5);
}

TEST(Tuning, TheSameRequestGivesTheSameAnswer) {
  TuningRequest request;
  request.ranges = {integer("mini_batch_size", 500, 600), integer("extra_center_factor", 10, 20),
                    categorical("init_method", {"random", "kmeans++"})};
  request.seed = 17;
  Random random(1);
  std::set<std::string> distinct;
  for (int i = 0; i < 20; ++i) {
    const auto a = suggest(request), b = suggest(request);
    ASSERT_TRUE(a && b);
    EXPECT_EQ(*a, *b);
    ASSERT_EQ(a->size(), 3u);
    EXPECT_EQ((*a)[0].first, "mini_batch_size");
    EXPECT_TRUE(number(*a, 0) >= 500 && number(*a, 0) <= 600 && (*a)[0].second.size() == 3);
    EXPECT_TRUE(number(*a, 1) >= 10 && number(*a, 1) <= 20);
    EXPECT_TRUE((*a)[2].second == "random" || (*a)[2].second == "kmeans++");
    distinct.insert((*a)[0].second + "/" + (*a)[1].second + "/" + (*a)[2].second);
    // In another order, as a trial's record might have it.
    Parameters shuffled(a->rbegin(), a->rend());
    if (i % 5 == 4) {
      request.failed.push_back(shuffled);
    } else {
      request.finished.push_back({shuffled, 39.3 + 0.1 * random.uniform()});
    }
  }
  EXPECT_EQ(distinct.size(), 20u);
  request.finished.clear();
  const auto before = suggest(request);
  request.seed = 18;
  EXPECT_NE(*before, *suggest(request));
}

TEST(Tuning, ScalingsSpreadAsTheySay) {
  const auto low_half = [](const ParameterRange& range, double middle) {
    TuningRequest request;
    request.strategy = Strategy::random;
    request.ranges = {range};
    int low = 0;
    for (std::uint64_t seed = 0; seed < 400; ++seed) {
      request.seed = seed * 1000;
      const double value = number(*suggest(request), 0);
      EXPECT_TRUE(value >= range.minimum && value <= range.maximum);
      low += value < middle;
    }
    return low / 400.0;
  };
  EXPECT_NEAR(low_half(continuous("a", 0, 10, Scaling::linear), 5), 0.5, 0.08);
  EXPECT_NEAR(low_half(continuous("a", 1e-6, 1, Scaling::logarithmic), 1e-3), 0.5, 0.08);
  EXPECT_NEAR(low_half(continuous("a", 1e-6, 1), 1e-3), 0.5, 0.08);  // automatic
  EXPECT_NEAR(low_half(continuous("a", 0, 0.9999, Scaling::reverse_logarithmic), 0.99), 0.5, 0.08);
  EXPECT_NEAR(low_half(integer("a", 1, 2, Scaling::linear), 1.5), 0.5, 0.08);
  EXPECT_EQ(low_half(continuous("a", 3, 3), 4), 1.0);
}

TEST(Tuning, GridGoesThroughEveryCombinationOnce) {
  TuningRequest request;
  request.strategy = Strategy::grid;
  request.ranges = {categorical("a", {"1", "2", "3"}), categorical("b", {"x", "y"})};
  EXPECT_EQ(grid_size(request.ranges), 6u);
  std::set<std::string> distinct;
  for (int i = 0; i < 6; ++i) {
    const auto parameters = suggest(request);
    ASSERT_TRUE(parameters);
    distinct.insert((*parameters)[0].second + (*parameters)[1].second);
    (i % 2 == 0 ? request.pending : request.failed).push_back(*parameters);
  }
  EXPECT_EQ(distinct.size(), 6u);
  const auto none = suggest(request);
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, Code::resource_exhausted);
}

TEST(Tuning, RefusesWhatCannotBe) {
  const auto refused = [](std::vector<ParameterRange> ranges, Strategy strategy = Strategy::bayesian) {
    const auto status = validate_ranges(strategy, ranges);
    return !status && status.error().code == Code::invalid_argument;
  };
  EXPECT_TRUE(refused({}));
  EXPECT_TRUE(refused({integer("a", 2, 1)}));
  EXPECT_TRUE(refused({integer("a", 1.5, 3)}));
  EXPECT_TRUE(refused({integer("a", 1, 3), continuous("a", 1, 3)}));
  EXPECT_TRUE(refused({continuous("a", 0, 3, Scaling::logarithmic)}));
  EXPECT_TRUE(refused({continuous("a", 0, 1, Scaling::reverse_logarithmic)}));
  EXPECT_TRUE(refused({categorical("a", {})}));
  EXPECT_TRUE(refused({categorical("a", {"x", "x"})}));
  EXPECT_TRUE(refused({integer("a", 1, 3)}, Strategy::grid));
  EXPECT_FALSE(refused({integer("a", 1, 3)}));
  EXPECT_FALSE(parse_strategy("Hyperband"));
  EXPECT_FALSE(parse_scaling("Log"));
  TuningRequest request;
  request.ranges = {integer("a", 1, 3)};
  for (int i = 0; i < 10; ++i) request.finished.push_back({{{"b", "1"}}, 1.0});
  EXPECT_FALSE(suggest(request));
}

TEST(GaussianProcess, PassesThroughWhatItSaw) {
  GaussianProcess model({false});
  std::vector<GaussianProcess::Point> points;
  std::vector<double> values;
  for (int i = 0; i < 12; ++i) {
    points.push_back({i / 11.0});
    values.push_back(std::sin(6 * points.back()[0]));
  }
  model.fit(points, values);
  model.observe(points, values);
  for (double x = 0.05; x < 1; x += 0.1) {
    const auto prediction = model.predict({x});
    EXPECT_NEAR(prediction.mean, std::sin(6 * x), 0.05);
    EXPECT_LT(prediction.deviation, 0.2);
  }
  EXPECT_GT(model.predict({3.0}).deviation, 0.5);
}

}  // namespace
}  // namespace millrace::algorithms
