#include "algorithms/tuning.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>
#include <set>

#include "algorithms/gaussian_process.h"
#include "algorithms/random.h"
#include "algorithms/tuning_space.h"

namespace millrace::algorithms {
namespace {

using Kind = ParameterRange::Kind;
using Scaling = ParameterRange::Scaling;

constexpr std::size_t kLeastFirstTrials = 4, kMostFirstTrials = 10;  // before the model is asked
constexpr std::size_t kMostFitTrials = 120;                          // that the model's hyperparameters are fitted to
constexpr std::size_t kCandidates = 1000;
constexpr std::size_t kIncumbents = 5, kNearEach = 60;
constexpr std::size_t kRefined = 6, kRefineSteps = 80;
constexpr std::size_t kRedraws = 64;  // to find parameters that were not tried yet

std::string repeat_key(const Parameters& parameters) {
  std::string key;
  for (const auto& [name, value] : parameters) key += name + '=' + value + '\n';
  return key;
}

tl::unexpected<Error> refuse(std::string message) { return fail(Code::invalid_argument, std::move(message)); }

Status validate_number(const ParameterRange& range) {
  if (!std::isfinite(range.minimum) || !std::isfinite(range.maximum) || range.minimum > range.maximum) {
    return refuse("the range of the hyperparameter " + range.name +
                  " must have a MinValue that is not above its MaxValue");
  }
  if (range.kind == Kind::integer &&
      (std::floor(range.minimum) != range.minimum || std::floor(range.maximum) != range.maximum ||
       std::abs(range.minimum) > 9e15 || std::abs(range.maximum) > 9e15)) {
    return refuse("the range of the integer hyperparameter " + range.name + " must have whole numbers");
  }
  if (range.scaling == Scaling::logarithmic && range.minimum <= 0) {
    return refuse("the hyperparameter " + range.name + " can have logarithmic scaling only above 0");
  }
  if (range.scaling == Scaling::reverse_logarithmic &&
      (range.kind == Kind::integer || range.minimum < 0 || range.maximum >= 1)) {
    return refuse("the hyperparameter " + range.name +
                  " can have reverse logarithmic scaling only if it is continuous and from 0 to below 1");
  }
  return {};
}

std::size_t trials_of(const TuningRequest& request) {
  return request.finished.size() + request.pending.size() + request.failed.size();
}

std::set<std::string> tried(const TuningRequest& request) {
  std::set<std::string> keys;
  for (const FinishedTrial& trial : request.finished) keys.insert(repeat_key(trial.parameters));
  for (const Parameters& parameters : request.pending) keys.insert(repeat_key(parameters));
  for (const Parameters& parameters : request.failed) keys.insert(repeat_key(parameters));
  return keys;
}

// A trial lists its parameters in any order; the keys compare in the ranges' order.
Parameters in_order(const std::vector<ParameterRange>& ranges, const Parameters& given) {
  Parameters out;
  for (const ParameterRange& range : ranges) {
    for (const auto& [name, value] : given) {
      if (name == range.name) out.emplace_back(name, value);
    }
  }
  return out;
}

Point uniform_point(std::size_t size, Random& random) {
  Point point(size);
  for (double& coordinate : point) coordinate = random.uniform();
  return point;
}

// ---- what the model is shown: smaller is better, about zero mean and unit variance. The worse half counts by rank
// only (half-rank warping, Song et al., The Vizier Gaussian Process Bandit Algorithm, arXiv 2408.11527): a few
// disasters do not flatten the rest.

double normal_quantile(double p) {  // Acklam's rational approximation, 1e-9
  constexpr double a[] = {-3.969683028665376e+01, 2.209460984245205e+02,  -2.759285104469687e+02,
                          1.383577518672690e+02,  -3.066479806614716e+01, 2.506628277459239e+00};
  constexpr double b[] = {-5.447609879822406e+01, 1.615858368580409e+02, -1.556989798598866e+02, 6.680131188771972e+01,
                          -1.328068155288572e+01};
  constexpr double c[] = {-7.784894002430293e-03, -3.223964580411365e-01, -2.400758277161838e+00,
                          -2.549732539343734e+00, 4.374664141464968e+00,  2.938163982698783e+00};
  constexpr double d[] = {7.784695709041462e-03, 3.224671290700398e-01, 2.445134137142996e+00, 3.754408661907416e+00};
  if (p < 0.02425 || p > 1 - 0.02425) {
    const double q = std::sqrt(-2 * std::log(std::min(p, 1 - p)));
    const double x = (((((c[0] * q + c[1]) * q + c[2]) * q + c[3]) * q + c[4]) * q + c[5]) /
                     ((((d[0] * q + d[1]) * q + d[2]) * q + d[3]) * q + 1);
    return p < 0.5 ? x : -x;
  }
  const double q = p - 0.5, r = q * q;
  return (((((a[0] * r + a[1]) * r + a[2]) * r + a[3]) * r + a[4]) * r + a[5]) * q /
         (((((b[0] * r + b[1]) * r + b[2]) * r + b[3]) * r + b[4]) * r + 1);
}

std::vector<double> warp(std::vector<double> values) {
  const std::size_t n = values.size();
  std::vector<std::size_t> order(n);
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(),
            [&](std::size_t i, std::size_t j) { return values[i] != values[j] ? values[i] < values[j] : i < j; });
  const double median = values[order[n / 2]];
  double spread = 0;
  for (std::size_t i = 0; i <= n / 2; ++i) spread += std::pow(values[order[i]] - median, 2);
  const std::size_t lower_half = n / 2 + 1;
  spread = std::sqrt(spread / static_cast<double>(lower_half));
  if (spread > 0) {
    for (std::size_t rank = n / 2 + 1; rank < n; ++rank) {
      const double p = (static_cast<double>(rank) + 0.5) / static_cast<double>(n);
      double& value = values[order[rank]];
      if (value > median) value = std::min(value, median + spread * std::max(0.0, normal_quantile(p)));
    }
  }
  const double mean = std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(n);
  double variance = 0;
  for (const double value : values) variance += (value - mean) * (value - mean);
  const double deviation = std::sqrt(variance / static_cast<double>(n));
  for (double& value : values) value = deviation > 0 ? (value - mean) / deviation : 0.0;
  return values;
}

// ---- expected improvement

// log(phi(z) + z Phi(z)), stable far below zero (Ament et al., Unexpected Improvements to Expected Improvement,
// NeurIPS 2023).
double log_improvement(double z) {
  constexpr double kLogRoot2Pi = 0.9189385332046727;
  const double log_density = -0.5 * z * z - kLogRoot2Pi;
  if (z > -5) {
    const double density = std::exp(log_density);
    return std::log(density + z * 0.5 * std::erfc(-z / std::sqrt(2.0)));
  }
  return log_density - 2 * std::log(-z);
}

class Search {
 public:
  Search(const TuningSpace& space, const GaussianProcess& model, double best, const std::set<std::string>& seen)
      : space_(space), model_(model), best_(best), seen_(seen) {}

  // How good the parameters at a point are, valued where they really lie; minus infinity when they were tried.
  double value(const Point& point) const {
    const Parameters parameters = space_.decode(point);
    if (seen_.contains(repeat_key(parameters))) return -INFINITY;
    const auto cell = space_.encode(parameters);
    const auto prediction = model_.predict(cell ? *cell : point);
    return std::log(prediction.deviation) + log_improvement((best_ - prediction.mean) / prediction.deviation);
  }

  Point run(const std::vector<Point>& incumbents, Random& random) const {
    std::vector<std::pair<double, Point>> found;
    const auto try_point = [&](Point point) {
      const double worth = value(point);
      found.emplace_back(worth, std::move(point));
    };
    const Point shift = uniform_point(space_.size(), random);
    for (std::size_t i = 0; i < kCandidates; ++i) try_point(low_discrepancy_point(i, shift));
    for (const Point& incumbent : incumbents) {
      for (std::size_t i = 0; i < kNearEach; ++i) try_point(near(incumbent, i % 2 == 0 ? 0.1 : 0.02, random));
    }
    const std::size_t refined = std::min(kRefined, found.size());
    std::partial_sort(found.begin(), found.begin() + static_cast<std::ptrdiff_t>(refined), found.end(),
                      [](const auto& a, const auto& b) { return a.first > b.first; });
    std::pair<double, Point> best = found.front();
    for (std::size_t i = 0; i < refined; ++i) {
      const auto climbed = climb(found[i], random);
      if (climbed.first > best.first) best = climbed;
    }
    return best.second;
  }

 private:
  Point near(const Point& from, double width, Random& random) const {
    Point point = from;
    const std::size_t always = random.below(point.size());
    for (std::size_t d = 0; d < point.size(); ++d) {
      if (d != always && random.uniform() < 0.5) continue;
      if (space_.categorical(d)) {
        if (random.uniform() < 0.3) point[d] = random.uniform();
      } else {
        point[d] = std::clamp(point[d] + width * random.normal(), 0.0, 1.0);
      }
    }
    return point;
  }

  std::pair<double, Point> climb(std::pair<double, Point> at, Random& random) const {
    double width = 0.05;
    for (std::size_t i = 0; i < kRefineSteps; ++i) {
      Point next = near(at.second, width, random);
      const double worth = value(next);
      if (worth > at.first) {
        at = {worth, std::move(next)};
        width = std::min(0.2, width * 1.5);
      } else {
        width = std::max(1e-4, width * 0.9);
      }
    }
    return at;
  }

  const TuningSpace& space_;
  const GaussianProcess& model_;
  double best_;
  const std::set<std::string>& seen_;
};

Result<Point> model_point(const TuningRequest& request, const TuningSpace& space, const std::set<std::string>& seen,
                          Random& random) {
  std::vector<Point> points;
  std::vector<double> values;
  const std::size_t first = request.finished.size() - std::min(request.finished.size(), kMaxModelledTrials);
  for (std::size_t i = first; i < request.finished.size(); ++i) {
    points.push_back(MR_TRY(space.encode(request.finished[i].parameters)));
    values.push_back(request.minimise ? request.finished[i].objective : -request.finished[i].objective);
  }
  values = warp(std::move(values));
  std::vector<std::size_t> order(values.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(),
            [&](std::size_t i, std::size_t j) { return values[i] != values[j] ? values[i] < values[j] : i < j; });

  std::vector<bool> categorical;
  for (std::size_t i = 0; i < space.size(); ++i) categorical.push_back(space.categorical(i));
  GaussianProcess model(std::move(categorical));
  if (values.size() <= kMostFitTrials) {
    model.fit(points, values);
  } else {  // the better ones say most about where to look
    std::vector<Point> some;
    std::vector<double> of_them;
    for (std::size_t i = 0; i < kMostFitTrials; ++i) {
      some.push_back(points[order[i]]);
      of_them.push_back(values[order[i]]);
    }
    model.fit(some, of_them);
  }
  model.observe(points, values);

  std::vector<Point> incumbents;
  for (std::size_t i = 0; i < std::min(kIncumbents, order.size()); ++i) incumbents.push_back(points[order[i]]);
  // The best value the model believes in, not the luckiest draw of the noise.
  double best = INFINITY;
  for (const Point& point : points) best = std::min(best, model.predict(point).mean);

  for (const Parameters& parameters : request.pending) {
    Point point = MR_TRY(space.encode(parameters));
    values.push_back(model.predict(point).mean);
    points.push_back(std::move(point));
    model.observe(points, values);
  }
  return Search(space, model, best, seen).run(incumbents, random);
}

Result<Parameters> next_of_grid(const TuningRequest& request, const std::set<std::string>& seen) {
  const std::size_t size = grid_size(request.ranges);
  for (std::size_t index = 0; index < size; ++index) {
    Parameters parameters;
    std::size_t rest = index;
    for (const ParameterRange& range : request.ranges) {
      parameters.emplace_back(range.name, range.values[rest % range.values.size()]);
      rest /= range.values.size();
    }
    if (!seen.contains(repeat_key(parameters))) return parameters;
  }
  return fail(Code::resource_exhausted, "every combination of the grid has been tried");
}

}  // namespace

Result<Scaling> parse_scaling(std::string_view text) {
  if (text.empty() || text == "Auto") return Scaling::automatic;
  if (text == "Linear") return Scaling::linear;
  if (text == "Logarithmic") return Scaling::logarithmic;
  if (text == "ReverseLogarithmic") return Scaling::reverse_logarithmic;
  return refuse("the scaling type '" + std::string(text) +
                "' is not one of Auto, Linear, Logarithmic, ReverseLogarithmic");
}

Result<Strategy> parse_strategy(std::string_view text) {
  if (text == "Bayesian" || text.empty()) return Strategy::bayesian;
  if (text == "Random") return Strategy::random;
  if (text == "Grid") return Strategy::grid;
  return refuse("the tuning strategy '" + std::string(text) + "' is not supported here; use Bayesian, Random or Grid");
}

std::size_t grid_size(const std::vector<ParameterRange>& ranges) {
  constexpr std::size_t kMost = std::size_t{1} << 40;
  std::size_t size = 1;
  for (const ParameterRange& range : ranges) {
    size *= std::max<std::size_t>(1, range.values.size());
    if (size > kMost) return kMost;
  }
  return size;
}

Status validate_ranges(Strategy strategy, const std::vector<ParameterRange>& ranges) {
  if (ranges.empty()) return refuse("there is no hyperparameter to tune");
  if (ranges.size() > kMaxTunedParameters) {
    return refuse("there are more than " + std::to_string(kMaxTunedParameters) + " hyperparameters to tune");
  }
  std::set<std::string> names;
  for (const ParameterRange& range : ranges) {
    if (!names.insert(range.name).second) return refuse("the hyperparameter " + range.name + " has two ranges");
    if (range.kind == Kind::categorical) {
      const std::set<std::string> distinct(range.values.begin(), range.values.end());
      if (range.values.empty() || range.values.size() > kMaxCategoricalValues) {
        return refuse("the hyperparameter " + range.name + " must have from 1 to " +
                      std::to_string(kMaxCategoricalValues) + " values");
      }
      if (distinct.size() != range.values.size()) {
        return refuse("the hyperparameter " + range.name + " has a value twice");
      }
      continue;
    }
    if (strategy == Strategy::grid) {
      return refuse("grid search takes categorical hyperparameters only, and " + range.name + " is not");
    }
    MR_TRY(validate_number(range));
  }
  return {};
}

Result<Parameters> suggest(const TuningRequest& request) {
  MR_TRY(validate_ranges(request.strategy, request.ranges));
  TuningRequest ordered = request;
  for (FinishedTrial& trial : ordered.finished) {
    trial.parameters = in_order(request.ranges, trial.parameters);
    if (!std::isfinite(trial.objective)) return refuse("a trial's objective is not a finite number");
  }
  for (Parameters& parameters : ordered.pending) parameters = in_order(request.ranges, parameters);
  for (Parameters& parameters : ordered.failed) parameters = in_order(request.ranges, parameters);
  const std::set<std::string> seen = tried(ordered);
  if (request.strategy == Strategy::grid) return next_of_grid(ordered, seen);

  const TuningSpace space(request.ranges);
  const std::size_t trial = trials_of(request);
  Random shared(request.seed);
  const Point shift = uniform_point(space.size(), shared);
  Random own(request.seed ^ (0x9e3779b97f4a7c15u * (trial + 1)));

  const std::size_t first_trials = std::clamp(2 * space.size() + 1, kLeastFirstTrials, kMostFirstTrials);
  Point point;
  if (request.strategy == Strategy::random) {
    point = uniform_point(space.size(), own);
  } else if (request.finished.size() < first_trials) {
    point = low_discrepancy_point(trial, shift);
  } else {
    point = MR_TRY(model_point(ordered, space, seen, own));
  }
  // Small spaces: draw again while the parameters were tried before; all tried, they repeat.
  for (std::size_t i = 0; i < kRedraws && seen.contains(repeat_key(space.decode(point))); ++i) {
    point = uniform_point(space.size(), own);
  }
  return space.decode(point);
}

}  // namespace millrace::algorithms
