#include "algorithms/tuning_space.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "base/strings.h"

namespace millrace::algorithms {
namespace {

using Kind = ParameterRange::Kind;
using Scaling = ParameterRange::Scaling;

// From here on an automatic range is searched by its logarithm.
constexpr double kAutoLogRatio = 100;

Scaling effective(const ParameterRange& range) {
  if (range.scaling != Scaling::automatic) return range.scaling;
  return range.minimum > 0 && range.maximum / range.minimum >= kAutoLogRatio ? Scaling::logarithmic : Scaling::linear;
}

double apply(Scaling scaling, double value) {
  if (scaling == Scaling::logarithmic) return std::log(value);
  if (scaling == Scaling::reverse_logarithmic) return -std::log1p(-value);
  return value;
}

double invert(Scaling scaling, double value) {
  if (scaling == Scaling::logarithmic) return std::exp(value);
  if (scaling == Scaling::reverse_logarithmic) return -std::expm1(-value);
  return value;
}

std::string shortest(double value) {
  char text[64];
  return {text, std::to_chars(text, text + sizeof text, value).ptr};
}

}  // namespace

TuningSpace::TuningSpace(const std::vector<ParameterRange>& ranges) : ranges_(ranges) {
  for (const ParameterRange& range : ranges) {
    Scale scale;
    if (range.kind != Kind::categorical) {
      // An integer owns the cell half a step to each side, so that the first and the last are as likely as any.
      const double half = range.kind == Kind::integer ? 0.5 : 0;
      scale.scaling = effective(range);
      scale.from = apply(scale.scaling, range.minimum - half);
      scale.to = apply(scale.scaling, range.maximum + half);
    }
    scales_.push_back(scale);
  }
}

double TuningSpace::scaled(std::size_t i, double value) const {
  const Scale& scale = scales_[i];
  if (scale.to <= scale.from) return 0.5;
  const double clamped = std::clamp(value, ranges_[i].minimum, ranges_[i].maximum);
  return (apply(scale.scaling, clamped) - scale.from) / (scale.to - scale.from);
}

double TuningSpace::unscaled(std::size_t i, double value) const {
  const Scale& scale = scales_[i];
  const double number = invert(scale.scaling, scale.from + value * (scale.to - scale.from));
  const double whole = ranges_[i].kind == Kind::integer ? std::round(number) : number;
  return std::clamp(whole, ranges_[i].minimum, ranges_[i].maximum);
}

Parameters TuningSpace::decode(const Point& point) const {
  Parameters out;
  for (std::size_t i = 0; i < ranges_.size(); ++i) {
    const ParameterRange& range = ranges_[i];
    if (range.kind == Kind::categorical) {
      const auto place = static_cast<std::size_t>(point[i] * static_cast<double>(range.values.size()));
      out.emplace_back(range.name, range.values[std::min(place, range.values.size() - 1)]);
    } else if (range.kind == Kind::integer) {
      out.emplace_back(range.name, std::to_string(static_cast<std::int64_t>(unscaled(i, point[i]))));
    } else {
      out.emplace_back(range.name, shortest(unscaled(i, point[i])));
    }
  }
  return out;
}

Result<Point> TuningSpace::encode(const Parameters& parameters) const {
  Point point(ranges_.size());
  for (std::size_t i = 0; i < ranges_.size(); ++i) {
    const ParameterRange& range = ranges_[i];
    const auto given = std::find_if(parameters.begin(), parameters.end(),
                                    [&](const auto& parameter) { return parameter.first == range.name; });
    if (given == parameters.end()) {
      return fail(Code::invalid_argument, "a trial has no value for the hyperparameter " + range.name);
    }
    if (range.kind == Kind::categorical) {
      const auto place = std::find(range.values.begin(), range.values.end(), given->second);
      if (place == range.values.end()) {
        return fail(Code::invalid_argument,
                    "a trial's value '" + given->second + "' is not one of the hyperparameter " + range.name);
      }
      point[i] = (static_cast<double>(place - range.values.begin()) + 0.5) / static_cast<double>(range.values.size());
      continue;
    }
    const auto number = parse_double(given->second);
    if (!number) {
      return fail(Code::invalid_argument,
                  "a trial's value '" + given->second + "' of the hyperparameter " + range.name + " is not a number");
    }
    point[i] = scaled(i, *number);
  }
  return point;
}

Point low_discrepancy_point(std::size_t index, const Point& shift) {
  const auto dimensions = static_cast<double>(shift.size());
  double ratio = 2;  // the root of x^(d+1) = x + 1
  for (int i = 0; i < 64; ++i) ratio = std::pow(1 + ratio, 1 / (dimensions + 1));
  Point point(shift.size());
  double step = 1;
  for (std::size_t d = 0; d < shift.size(); ++d) {
    step /= ratio;
    const double at = shift[d] + static_cast<double>(index) * step;
    point[d] = at - std::floor(at);
  }
  return point;
}

}  // namespace millrace::algorithms
