#include "algorithms/kmeans.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <string>

#include "algorithms/kmeans_centres.h"

namespace millrace::algorithms {
namespace {

constexpr std::size_t kAutoFactor = 10;
constexpr std::size_t kSampleRows = 8192;

// An evenly spread part of the rows.
RowList sample_of(const Rows& rows) {
  const std::size_t n = std::min(rows.size(), kSampleRows);
  std::vector<std::uint32_t> chosen(n);
  for (std::size_t i = 0; i < n; ++i) chosen[i] = static_cast<std::uint32_t>(i * rows.size() / n);
  return {rows, std::move(chosen)};
}

Centres centres_of(const KMeansModel& model, const Rows& rows) {
  Centres centres(model.k, model.dim, rows.stride());
  for (std::size_t c = 0; c < model.k; ++c) {
    for (std::size_t d = 0; d < model.dim; ++d) {
      centres.row(c)[d] = model.centres[c * model.dim + d] * rows.denominator();
    }
    centres.update_norm(c);
  }
  return centres;
}

}  // namespace

Result<KMeansFit> train_kmeans(const Rows& rows, const KMeansOptions& options, Team& team,
                               const std::function<void(const KMeansEvent&)>& report) {
  if (options.k == 0) return fail(Code::invalid_argument, "k must be at least 1");
  if (options.mini_batch_size == 0) return fail(Code::invalid_argument, "mini_batch_size must be at least 1");
  if (options.epochs == 0) return fail(Code::invalid_argument, "epochs must be at least 1");
  if (rows.size() < options.k) {
    return fail(Code::invalid_argument, "there are " + std::to_string(rows.size()) +
                                            " training records, fewer than k = " + std::to_string(options.k));
  }
  const std::size_t wanted = options.extra_center_factor == 0 ? kAutoFactor : options.extra_center_factor;
  const std::size_t factor = std::clamp<std::size_t>(rows.size() / options.k, 1, wanted);
  const double unit = 1.0 / (static_cast<double>(rows.denominator()) * rows.denominator());
  if (report) report({KMeansEvent::Kind::extra_center_factor, factor, 0, 0});

  Random random(options.seed);
  WeightedCentres many = run_mini_batches(rows, options, options.k * factor, random, team, report);
  std::vector<Reduction> reductions;
  if (factor == 1) {
    reductions.push_back({std::move(many.centres), 0, 0});
  } else {
    if (report) report({KMeansEvent::Kind::shrink, options.k * factor, options.k, 0});
    reductions = reduce_centres(many, options, random, team, unit, report);
    if (reductions.empty()) return fail(Code::internal, "the centres are not finite numbers");
  }

  Centres* centres = &reductions.front().centres;
  std::size_t iterations = 0;
  if (options.polish_max_iter != 0) {
    const std::size_t candidates = std::min(options.polish_candidates, reductions.size());
    if (candidates > 1) {
      const RowList sample = sample_of(rows);
      double best = std::numeric_limits<double>::infinity();
      for (std::size_t i = 0; i < candidates; ++i) {
        const Polished tried = polish(sample, reductions[i].centres, options.polish_max_iter, options.polish_tol, team);
        if (report) report({KMeansEvent::Kind::polish_candidate, i, sample.size(), tried.loss * unit});
        if (tried.loss < best) {
          best = tried.loss;
          centres = &reductions[i].centres;
        }
      }
    }
    const Polished done =
        polish(RowList::all(rows), *centres, options.polish_max_iter, options.polish_tol, team, report);
    iterations = done.iterations;
    if (report) report({KMeansEvent::Kind::polish, iterations, rows.size(), done.loss * unit});
  }

  KMeansFit fit;
  fit.kernel = kernels::best().name;
  fit.polish_iterations = iterations;
  fit.model.k = options.k;
  fit.model.dim = rows.dim();
  fit.model.centres.resize(options.k * rows.dim());
  for (std::size_t c = 0; c < options.k; ++c) {
    for (std::size_t d = 0; d < rows.dim(); ++d) {
      fit.model.centres[c * rows.dim() + d] = centres->row(c)[d] / rows.denominator();
    }
  }
  fit.train_msd = MR_TRY(evaluate_kmeans(fit.model, rows, team)).msd;
  return fit;
}

Result<KMeansScore> evaluate_kmeans(const KMeansModel& model, const Rows& rows, Team& team) {
  if (rows.size() == 0) return fail(Code::invalid_argument, "there are no records");
  if (rows.dim() != model.dim) {
    return fail(Code::invalid_argument,
                "the records have " + std::to_string(rows.dim()) + " features, the model " + std::to_string(model.dim));
  }
  const double sum = total_squared_distance(RowList::all(rows), centres_of(model, rows), team);
  const double ssd = sum / (static_cast<double>(rows.denominator()) * rows.denominator());
  return KMeansScore{ssd, ssd / static_cast<double>(rows.size())};
}

KMeansPredictor::KMeansPredictor(const KMeansModel& model)
    : k_(model.k),
      dim_(model.dim),
      stride_((model.dim + kernels::kLane - 1) / kernels::kLane * kernels::kLane),
      centres_(Aligned<float>::zeros(k_ * stride_)) {
  for (std::size_t c = 0; c < k_; ++c) {
    std::memcpy(centres_.data() + c * stride_, model.centres.data() + c * dim_, dim_ * sizeof(float));
  }
}

void KMeansPredictor::predict(std::span<const float> rows, std::span<std::int32_t> closest,
                              std::span<float> distance) const {
  constexpr std::size_t kGroup = 4;  // what the kernel takes at once; more only costs cache
  const kernels::Table& kernel = kernels::best();
  const kernels::CentresView centres{centres_.data(), nullptr, k_, stride_};
  Aligned<float> padded = Aligned<float>::zeros(stride_ == dim_ ? 0 : kGroup * stride_);
  float second[kGroup];
  for (std::size_t i = 0; i < closest.size(); i += kGroup) {
    const std::size_t n = std::min(kGroup, closest.size() - i);
    const float* pointers[kGroup];
    for (std::size_t r = 0; r < n; ++r) {
      pointers[r] = rows.data() + (i + r) * dim_;
      if (stride_ != dim_) {
        std::memcpy(padded.data() + r * stride_, pointers[r], dim_ * sizeof(float));
        pointers[r] = padded.data() + r * stride_;
      }
    }
    kernel.assign_f32(pointers, n, centres, closest.data() + i, distance.data() + i, second);
    for (std::size_t r = 0; r < n; ++r) distance[i + r] = std::sqrt(distance[i + r]);
  }
}

}  // namespace millrace::algorithms
