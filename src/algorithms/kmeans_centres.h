#pragma once
// What the steps of K-Means share: centres as the kernels want them, and the rows as a list of pointers.

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "algorithms/aligned.h"
#include "algorithms/kernels.h"
#include "algorithms/kmeans.h"
#include "algorithms/random.h"
#include "algorithms/rows.h"

namespace millrace::algorithms {

// Centres in the unit of the stored rows (codes when the rows are coded).
struct Centres {
  Centres(std::size_t count_, std::size_t dim_, std::size_t stride_)
      : count(count_), dim(dim_), stride(stride_), values(Aligned<float>::zeros(count_ * stride_)), norms(count_) {}
  Centres(const Centres& other) : Centres(other.count, other.dim, other.stride) { *this = other; }
  Centres(Centres&&) = default;
  Centres& operator=(const Centres& other);
  Centres& operator=(Centres&&) = default;

  float* row(std::size_t i) { return values.data() + i * stride; }
  const float* row(std::size_t i) const { return values.data() + i * stride; }
  void update_norm(std::size_t i);
  kernels::CentresView view() const { return {values.data(), norms.data(), count, stride}; }

  std::size_t count, dim, stride;
  Aligned<float> values;
  std::vector<float> norms;
};

double squared_distance(const float* a, const float* b, std::size_t n);

// Some or all rows of a table, with the one thing the steps ask of them.
class RowList {
 public:
  RowList(const Rows& rows, std::vector<std::uint32_t> chosen);
  static RowList all(const Rows& rows);

  std::size_t size() const { return chosen_.size(); }
  const Rows& rows() const { return *rows_; }
  // The nearest centres of the rows at `at[0..n)` (positions in this list), with squared distances, n <= kAssignRows.
  static constexpr std::size_t kAssignRows = 512;
  void assign(const std::uint32_t* at, std::size_t n, const Centres& centres, std::int32_t* label, float* best,
              float* second) const;
  void add(std::size_t at, double sign, double* sum) const;
  void copy(std::size_t at, float* out) const;  // stride floats in the stored unit

 private:
  const Rows* rows_;
  const kernels::Table* kernel_;
  std::vector<std::uint32_t> chosen_;
};

// Picks `count` centres from the list's rows by k-means++ (Arthur and Vassilvitskii, SODA 2007), each the best of a
// few draws. weights: empty for equal ones. When all rows stand on chosen centres, centres repeat.
Centres kmeans_plus_plus(const RowList& rows, const std::vector<double>& weights, std::size_t count, Random& random,
                         Team& team);
// Picks `count` different rows (all of them, then repeats, when there are fewer).
Centres random_centres(const RowList& rows, std::size_t count, Random& random);

struct Polished {
  std::size_t iterations = 0;
  double loss = 0;  // mean squared distance in the stored unit
};
// Lloyd's algorithm over the rows, from and into `centres`.
Polished polish(const RowList& rows, Centres& centres, std::size_t max_iterations, double tolerance, Team& team,
                const std::function<void(const KMeansEvent&)>& report = {});

// Sum of squared distances to the nearest centres, in the stored unit.
double total_squared_distance(const RowList& rows, const Centres& centres, Team& team);

struct WeightedCentres {
  Centres centres;
  std::vector<double> weights;
};
WeightedCentres run_mini_batches(const Rows& rows, const KMeansOptions& options, std::size_t count, Random& random,
                                 Team& team, const std::function<void(const KMeansEvent&)>& report);

struct Reduction {
  Centres centres;
  double loss = 0;  // weighted mean squared distance in the stored unit
  std::size_t trial = 0;
};
// The reductions of all trials, best first.
std::vector<Reduction> reduce_centres(const WeightedCentres& from, const KMeansOptions& options, Random& random,
                                      Team& team, double unit, const std::function<void(const KMeansEvent&)>& report);

}  // namespace millrace::algorithms
