#pragma once
// K-Means as the SageMaker Developer Guide documents it ("How K-Means Clustering Works", "K-Means Hyperparameters"):
//   1. K = k * extra_center_factor centres, taken from the first mini-batches (at random or by k-means++);
//   2. one or more passes over the data in mini-batches, each centre the (decaying) mean of what it was given
//      (Sculley, Web-Scale K-Means Clustering, WWW 2010);
//   3. the K centres, weighted by how much each was given, reduced to k by several runs of Lloyd's algorithm;
// and, beyond that page:
//   4. a polish: Lloyd's algorithm over all rows, from the best of the reductions, until nothing changes. It is what
//      scikit-learn's KMeans does from its seeds. polish_max_iter = 0 leaves it out.
// The same rows, options and kernel give the same bytes, whatever the number of threads.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string_view>
#include <vector>

#include "algorithms/rows.h"
#include "algorithms/team.h"
#include "base/result.h"

namespace millrace::algorithms {

struct KMeansOptions {
  enum class Init { random, kmeans_plus_plus };

  std::size_t k = 0;                    // required
  std::size_t extra_center_factor = 0;  // 0: auto (10, or as many as the rows allow)
  std::size_t mini_batch_size = 5000;
  std::size_t epochs = 1;
  Init init_method = Init::random;
  // A batch's weight halves for every so many rows seen after it; 0: it never fades.
  std::uint64_t half_life_time_size = 0;
  Init local_lloyd_init_method = Init::kmeans_plus_plus;
  std::size_t local_lloyd_num_trials = 0;  // 0: auto (10)
  std::size_t local_lloyd_max_iter = 300;
  double local_lloyd_tol = 1e-4;  // relative decrease of the loss below which a run ends

  std::size_t polish_max_iter = 300;
  // The polish ends when no centre moved further than this part of the root mean square distance; 0: when no row
  // changed its centre.
  double polish_tol = 0;
  // How many of the reductions are polished on a sample of the rows, the best of them then on all.
  std::size_t polish_candidates = 4;

  std::uint64_t seed = 0;
};

// What happened, for a log.
struct KMeansEvent {
  enum class Kind {
    extra_center_factor,  // index: the factor in use
    batches,              // value: the part of all epochs that is done, 0 to 1; after each hundredth of an epoch
    epoch,                // index: epoch from 0; rows: seen in it; value: mean squared distance as the batches met it
    shrink,               // index: centres before, rows: after
    local_lloyd,          // index: trial; value: mean squared distance of the weighted centres
    polish_candidate,     // index: candidate; value: mean squared distance on the sample
    polish_pass,          // index: passes over all rows so far; rows: how many changed their centre
    polish,               // index: passes over all rows; value: mean squared distance
  };
  Kind kind;
  std::size_t index = 0;
  std::size_t rows = 0;
  double value = 0;
};

struct KMeansModel {
  std::size_t k = 0;
  std::size_t dim = 0;
  std::vector<float> centres;  // k rows of dim
};

struct KMeansFit {
  KMeansModel model;
  double train_msd = 0;  // mean squared distance of the rows to their centres
  std::size_t polish_iterations = 0;
  std::string_view kernel;  // the name of the kernels that ran
};

// Errors: invalid_argument (no k, fewer rows than k).
Result<KMeansFit> train_kmeans(const Rows& rows, const KMeansOptions& options, Team& team,
                               const std::function<void(const KMeansEvent&)>& report = {});

struct KMeansScore {
  double ssd = 0;  // sum of squared distances
  double msd = 0;  // mean of them
};
// Errors: invalid_argument (another number of features, no rows).
Result<KMeansScore> evaluate_kmeans(const KMeansModel& model, const Rows& rows, Team& team);

// Nearest centres of single rows, for serving. Immutable: any number of threads may ask at once.
class KMeansPredictor {
 public:
  explicit KMeansPredictor(const KMeansModel& model);
  std::size_t dim() const { return dim_; }
  std::size_t k() const { return k_; }
  // `rows`: n rows of dim floats, packed. distance: Euclidean, not squared.
  void predict(std::span<const float> rows, std::span<std::int32_t> closest, std::span<float> distance) const;

 private:
  std::size_t k_, dim_, stride_;
  Aligned<float> centres_;
};

}  // namespace millrace::algorithms
