#pragma once
// Hyperparameter search: given what has been tried, what to try next. Strategies as SageMaker names them:
//   Random    uniform in the scaled range
//   Bayesian  a Gaussian process (Matérn 5/2, one length scale a parameter) and expected improvement; the first points
//             are a scrambled low-discrepancy sequence. Trials that still run count as if they had ended at the model's
//             prediction (Ginsbourger et al., "kriging believer"), so that parallel trials keep apart
//             (Snoek et al., Practical Bayesian Optimization, NIPS 2012; SageMaker's tuner: arXiv 2012.08489)
//   Grid      every combination of categorical values, once
// The same request gives the same answer.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace millrace::algorithms {

inline constexpr std::size_t kMaxTunedParameters = 30;    // SageMaker's own limit
inline constexpr std::size_t kMaxCategoricalValues = 30;  // likewise
inline constexpr std::size_t kMaxModelledTrials = 300;    // the model sees the latest so many

struct ParameterRange {
  enum class Kind { integer, continuous, categorical };
  enum class Scaling { automatic, linear, logarithmic, reverse_logarithmic };

  std::string name;
  Kind kind = Kind::continuous;
  double minimum = 0, maximum = 0;  // integer, continuous; both inclusive
  Scaling scaling = Scaling::automatic;
  std::vector<std::string> values;  // categorical
};

// "Auto", "Linear", "Logarithmic", "ReverseLogarithmic"; empty is Auto. Errors: invalid_argument.
Result<ParameterRange::Scaling> parse_scaling(std::string_view text);

// Name to text, in the order of the ranges; numbers as SageMaker prints them ("512", "0.0123").
using Parameters = std::vector<std::pair<std::string, std::string>>;

struct FinishedTrial {
  Parameters parameters;
  double objective = 0;
};

enum class Strategy { random, bayesian, grid };
Result<Strategy> parse_strategy(std::string_view text);  // Hyperband is refused

struct TuningRequest {
  Strategy strategy = Strategy::bayesian;
  bool minimise = true;
  std::vector<ParameterRange> ranges;
  std::vector<FinishedTrial> finished;  // with an objective that is a finite number
  std::vector<Parameters> pending;      // under way
  std::vector<Parameters> failed;       // ended without an objective: not tried again
  std::uint64_t seed = 0;               // of the tuning job, the same for each of its suggestions
};

// Errors: invalid_argument (a range that is empty or cannot be scaled as asked, two ranges of one name, a trial that
// lacks a parameter); resource_exhausted when Grid has no combination left.
Result<Parameters> suggest(const TuningRequest& request);

// What suggest() would refuse about the ranges, without trials. For validating a tuning job when it is created.
Status validate_ranges(Strategy strategy, const std::vector<ParameterRange>& ranges);
// How many combinations Grid goes through.
std::size_t grid_size(const std::vector<ParameterRange>& ranges);

}  // namespace millrace::algorithms
