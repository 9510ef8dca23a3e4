#include "algorithms/gaussian_process.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace millrace::algorithms {
namespace {

using Point = GaussianProcess::Point;
using Hyper = GaussianProcess::Hyper;

const double kRoot5 = std::sqrt(5.0);
constexpr int kFitSteps = 60;

// Priors on the logarithms, as normal distributions: mean and deviation.
constexpr double kLengthMean = -0.7, kLengthDeviation = 1.0;
constexpr double kSignalMean = 0.0, kSignalDeviation = 1.0;
constexpr double kNoiseMean = -7.0, kNoiseDeviation = 3.0;
constexpr double kLeastNoise = -16.0, kMostNoise = 0.5;

double apart(double a, double b, bool categorical) { return categorical ? (a == b ? 0.0 : 1.0) : (a - b) * (a - b); }

// Lower factor of a symmetric positive definite matrix, in place. False: not positive definite.
bool factorise(std::vector<double>& matrix, std::size_t n) {
  for (std::size_t j = 0; j < n; ++j) {
    double* row_j = matrix.data() + j * n;
    double diagonal = row_j[j];
    for (std::size_t k = 0; k < j; ++k) diagonal -= row_j[k] * row_j[k];
    if (!(diagonal > 0)) return false;
    row_j[j] = std::sqrt(diagonal);
    for (std::size_t i = j + 1; i < n; ++i) {
      double* row_i = matrix.data() + i * n;
      double sum = row_i[j];
      for (std::size_t k = 0; k < j; ++k) sum -= row_i[k] * row_j[k];
      row_i[j] = sum / row_j[j];
    }
  }
  return true;
}

void solve_lower(const std::vector<double>& factor, std::size_t n, std::vector<double>& x) {
  for (std::size_t i = 0; i < n; ++i) {
    double sum = x[i];
    for (std::size_t k = 0; k < i; ++k) sum -= factor[i * n + k] * x[k];
    x[i] = sum / factor[i * n + i];
  }
}

void solve_upper(const std::vector<double>& factor, std::size_t n, std::vector<double>& x) {
  for (std::size_t i = n; i-- > 0;) {
    double sum = x[i];
    for (std::size_t k = i + 1; k < n; ++k) sum -= factor[k * n + i] * x[k];
    x[i] = sum / factor[i * n + i];
  }
}

double prior(double value, double mean, double deviation, double& slope) {
  const double z = (value - mean) / deviation;
  slope -= z / deviation;
  return -0.5 * z * z;
}

// The squared differences of all pairs, coordinate by coordinate, computed once for a fit.
struct Pairs {
  std::size_t n, dims;
  std::vector<double> differences;  // [dim][i * n + j]

  Pairs(const std::vector<Point>& points, const std::vector<bool>& categorical)
      : n(points.size()), dims(categorical.size()), differences(n * n * dims) {
    for (std::size_t d = 0; d < dims; ++d) {
      for (std::size_t i = 0; i < n; ++i) {
        for (std::size_t j = 0; j < n; ++j) {
          differences[(d * n + i) * n + j] = apart(points[i][d], points[j][d], categorical[d]);
        }
      }
    }
  }
};

// The logarithm of the posterior density of the hyperparameters, and its slopes in the order signal, noise, lengths.
// Minus infinity when the matrix cannot be factorised.
double log_posterior(const Pairs& pairs, const std::vector<double>& values, const Hyper& hyper,
                     std::vector<double>& slopes) {
  const std::size_t n = pairs.n;
  const double signal = std::exp(hyper.log_signal), noise = std::exp(hyper.log_noise);
  std::vector<double> inverse_square(pairs.dims);
  for (std::size_t d = 0; d < pairs.dims; ++d) inverse_square[d] = std::exp(-2 * hyper.log_length[d]);

  std::vector<double> kernel(n * n), length_factor(n * n);
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j <= i; ++j) {
      double square = 0;
      for (std::size_t d = 0; d < pairs.dims; ++d) {
        square += pairs.differences[(d * n + i) * n + j] * inverse_square[d];
      }
      const double r = kRoot5 * std::sqrt(square);
      const double decay = signal * std::exp(-r);
      kernel[i * n + j] = kernel[j * n + i] = decay * (1 + r + r * r / 3);
      length_factor[i * n + j] = decay * (5.0 / 3.0) * (1 + r);
    }
  }
  std::vector<double> factor = kernel;
  for (std::size_t i = 0; i < n; ++i) factor[i * n + i] += noise + 1e-10 * signal;
  if (!factorise(factor, n)) return -INFINITY;

  std::vector<double> alpha = values;
  solve_lower(factor, n, alpha);
  double result = 0;
  for (std::size_t i = 0; i < n; ++i) result -= 0.5 * alpha[i] * alpha[i] + std::log(factor[i * n + i]);
  solve_upper(factor, n, alpha);

  // Slope of each: half the trace of (alpha alpha' - K^-1) dK.
  slopes.assign(2 + pairs.dims, 0.0);
  std::vector<double> inverse(n * n), column(n);
  for (std::size_t j = 0; j < n; ++j) {
    std::fill(column.begin(), column.end(), 0.0);
    column[j] = 1;
    solve_lower(factor, n, column);
    solve_upper(factor, n, column);
    std::copy(column.begin(), column.end(), inverse.begin() + static_cast<std::ptrdiff_t>(j * n));
  }
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j <= i; ++j) {
      const double both = i == j ? 0.5 : 1.0;  // the matrix is symmetric
      const double w = both * (alpha[i] * alpha[j] - inverse[j * n + i]);
      slopes[0] += w * kernel[i * n + j];
      if (i == j) slopes[1] += w * noise;
      const double length = w * length_factor[i * n + j];
      for (std::size_t d = 0; d < pairs.dims; ++d) {
        slopes[2 + d] += length * pairs.differences[(d * n + i) * n + j] * inverse_square[d];
      }
    }
  }
  result += prior(hyper.log_signal, kSignalMean, kSignalDeviation, slopes[0]);
  result += prior(hyper.log_noise, kNoiseMean, kNoiseDeviation, slopes[1]);
  for (std::size_t d = 0; d < pairs.dims; ++d) {
    result += prior(hyper.log_length[d], kLengthMean, kLengthDeviation, slopes[2 + d]);
  }
  return result;
}

double& parameter(Hyper& hyper, std::size_t i) {
  return i == 0 ? hyper.log_signal : i == 1 ? hyper.log_noise : hyper.log_length[i - 2];
}

}  // namespace

void GaussianProcess::fit(const std::vector<Point>& points, const std::vector<double>& values) {
  const Pairs pairs(points, categorical_);
  Hyper at;
  at.log_noise = kNoiseMean + 2;
  at.log_length.assign(categorical_.size(), kLengthMean);
  hyper_ = at;
  double best = -INFINITY;
  std::vector<double> slopes, before(2 + categorical_.size());
  std::vector<double> step(before.size(), 0.2);
  for (int i = 0; i < kFitSteps; ++i) {
    const double found = log_posterior(pairs, values, at, slopes);
    if (found == -INFINITY) {  // nearly singular: more noise
      at.log_noise = std::min(kMostNoise, at.log_noise + 2);
      continue;
    }
    if (found > best) {
      best = found;
      hyper_ = at;
    }
    for (std::size_t p = 0; p < slopes.size(); ++p) {
      const double agreement = slopes[p] * before[p];
      if (agreement > 0) step[p] = std::min(0.8, step[p] * 1.3);
      if (agreement < 0) {
        step[p] *= 0.5;
        slopes[p] = 0;  // stay once after a change of direction
      }
      parameter(at, p) += slopes[p] > 0 ? step[p] : slopes[p] < 0 ? -step[p] : 0.0;
      before[p] = slopes[p];
    }
    at.log_noise = std::clamp(at.log_noise, kLeastNoise, kMostNoise);
    if (*std::max_element(step.begin(), step.end()) < 0.005) break;
  }
}

double GaussianProcess::covariance(const Point& a, const Point& b) const {
  double square = 0;
  for (std::size_t d = 0; d < categorical_.size(); ++d) {
    square += apart(a[d], b[d], categorical_[d]) * std::exp(-2 * hyper_.log_length[d]);
  }
  const double r = kRoot5 * std::sqrt(square);
  return std::exp(hyper_.log_signal - r) * (1 + r + r * r / 3);
}

void GaussianProcess::observe(std::vector<Point> points, std::vector<double> values) {
  points_ = std::move(points);
  const std::size_t n = points_.size();
  const double signal = std::exp(hyper_.log_signal);
  double noise = std::exp(hyper_.log_noise) + 1e-10 * signal;
  for (;;) {
    factor_.assign(n * n, 0.0);
    for (std::size_t i = 0; i < n; ++i) {
      for (std::size_t j = 0; j <= i; ++j) {
        factor_[i * n + j] = covariance(points_[i], points_[j]) + (i == j ? noise : 0);
      }
    }
    if (factorise(factor_, n)) break;
    noise = noise * 10 + 1e-8 * signal;
  }
  weights_ = std::move(values);
  solve_lower(factor_, n, weights_);
  solve_upper(factor_, n, weights_);
}

GaussianProcess::Prediction GaussianProcess::predict(const Point& at) const {
  const std::size_t n = points_.size();
  std::vector<double> column(n);
  Prediction out;
  for (std::size_t i = 0; i < n; ++i) {
    column[i] = covariance(at, points_[i]);
    out.mean += column[i] * weights_[i];
  }
  solve_lower(factor_, n, column);
  double variance = std::exp(hyper_.log_signal);
  for (const double value : column) variance -= value * value;
  out.deviation = std::sqrt(std::max(variance, 1e-14));
  return out;
}

}  // namespace millrace::algorithms
