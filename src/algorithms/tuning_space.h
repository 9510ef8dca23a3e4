#pragma once
// Hyperparameter ranges as the unit cube: one coordinate a parameter, in [0, 1], evenly scaled.

#include <string>
#include <vector>

#include "algorithms/tuning.h"

namespace millrace::algorithms {

using Point = std::vector<double>;

class TuningSpace {
 public:
  // The ranges must have passed validate_ranges(); they must outlive this.
  explicit TuningSpace(const std::vector<ParameterRange>& ranges);

  std::size_t size() const { return ranges_.size(); }
  bool categorical(std::size_t i) const { return ranges_[i].kind == ParameterRange::Kind::categorical; }
  // The parameters at a point; integers and categories take the cell that it lies in.
  Parameters decode(const Point& point) const;
  // The middle of the cell. Errors: invalid_argument when a parameter is missing or not of its range's kind; numbers
  // outside the range are taken to its edge.
  Result<Point> encode(const Parameters& parameters) const;

 private:
  struct Scale {
    ParameterRange::Scaling scaling = ParameterRange::Scaling::linear;
    double from = 0, to = 0;  // of the scaled number
  };
  double scaled(std::size_t i, double value) const;
  double unscaled(std::size_t i, double value) const;

  const std::vector<ParameterRange>& ranges_;
  std::vector<Scale> scales_;
};

// The index-th point of an additive recurrence with the generalised golden ratio (Roberts 2018), shifted by `shift`
// (Cranley and Patterson): a low-discrepancy sequence in any number of dimensions.
Point low_discrepancy_point(std::size_t index, const Point& shift);

}  // namespace millrace::algorithms
