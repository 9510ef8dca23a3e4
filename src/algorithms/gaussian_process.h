#pragma once
// Gaussian-process regression on points of the unit cube: Matérn 5/2 with a length scale a coordinate, noise, zero
// mean (Rasmussen and Williams, Gaussian Processes for Machine Learning, ch. 2 and 5). A categorical coordinate
// counts as 0 or 1 apart.

#include <cstddef>
#include <vector>

namespace millrace::algorithms {

class GaussianProcess {
 public:
  using Point = std::vector<double>;

  struct Hyper {
    double log_signal = 0;  // variances
    double log_noise = -6;
    std::vector<double> log_length;
  };

  explicit GaussianProcess(std::vector<bool> categorical) : categorical_(std::move(categorical)) {}

  // Finds the hyperparameters that the observations make most likely, under weak priors (gradient ascent with
  // resilient steps from a fixed start). values: about zero mean and unit variance.
  void fit(const std::vector<Point>& points, const std::vector<double>& values);
  // Takes the observations for predict(), with the hyperparameters as they are.
  void observe(std::vector<Point> points, std::vector<double> values);

  struct Prediction {
    double mean = 0;
    double deviation = 0;  // of the noiseless value
  };
  Prediction predict(const Point& at) const;
  const Hyper& hyper() const { return hyper_; }
  void set_hyper(Hyper hyper) { hyper_ = std::move(hyper); }

 private:
  double covariance(const Point& a, const Point& b) const;

  std::vector<bool> categorical_;
  Hyper hyper_;
  std::vector<Point> points_;
  std::vector<double> factor_;  // lower Cholesky factor, n × n, row by row
  std::vector<double> weights_;
};

}  // namespace millrace::algorithms
