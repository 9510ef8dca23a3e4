// The passes over the data in mini-batches.

#include <algorithm>
#include <cmath>
#include <numeric>

#include "algorithms/kmeans_centres.h"

namespace millrace::algorithms {
namespace {

// One mini-batch's assignment, pieces in parallel. Returns the sum of squared distances.
double assign_batch(const RowList& rows, std::size_t from, std::size_t n, const Centres& centres,
                    std::vector<std::int32_t>& label, Team& team) {
  constexpr std::size_t kPiece = 128;  // a batch of 500 rows still has work for four threads
  std::vector<double> sums((n + kPiece - 1) / kPiece);
  team.for_each(sums.size(), [&](std::size_t piece) {
    std::uint32_t at[kPiece];
    float best[kPiece], second[kPiece];
    const std::size_t start = piece * kPiece;
    const std::size_t count = std::min(kPiece, n - start);
    std::iota(at, at + count, static_cast<std::uint32_t>(from + start));
    rows.assign(at, count, centres, label.data() + start, best, second);
    double sum = 0;
    for (std::size_t i = 0; i < count; ++i) sum += best[i];
    sums[piece] = sum;
  });
  double total = 0;
  for (const double sum : sums) total += sum;
  return total;
}

}  // namespace

WeightedCentres run_mini_batches(const Rows& rows, const KMeansOptions& options, std::size_t count, Random& random,
                                 Team& team, const std::function<void(const KMeansEvent&)>& report) {
  const std::size_t batch = std::min(options.mini_batch_size, rows.size());
  const RowList list = RowList::all(rows);

  // The first centres come from the first mini-batch, or from as many as hold `count` rows.
  const std::size_t batches = (count + batch - 1) / batch;
  std::vector<std::uint32_t> head(std::min(rows.size(), batches * batch));
  std::iota(head.begin(), head.end(), 0u);
  const RowList first(rows, std::move(head));
  WeightedCentres out{options.init_method == KMeansOptions::Init::random
                          ? random_centres(first, count, random)
                          : kmeans_plus_plus(first, {}, count, random, team),
                      std::vector<double>(count)};

  const std::size_t stride = rows.stride();
  std::vector<std::int32_t> label(batch);
  std::vector<std::vector<std::uint32_t>> members(count);
  std::vector<std::size_t> touched;
  const double double_life = static_cast<double>(options.half_life_time_size);

  const std::size_t step = std::max(batch, rows.size() / 100);
  for (std::size_t epoch = 0; epoch < options.epochs; ++epoch) {
    double loss = 0;
    std::size_t next_report = step;
    for (std::size_t from = 0; from < rows.size(); from += batch) {
      const std::size_t n = std::min(batch, rows.size() - from);
      loss += assign_batch(list, from, n, out.centres, label, team);
      if (options.half_life_time_size != 0) {
        const double fade = std::exp2(-static_cast<double>(n) / double_life);
        for (double& weight : out.weights) weight *= fade;
      }
      touched.clear();
      for (std::size_t i = 0; i < n; ++i) {
        auto& rows_of = members[static_cast<std::size_t>(label[i])];
        if (rows_of.empty()) touched.push_back(static_cast<std::size_t>(label[i]));
        rows_of.push_back(static_cast<std::uint32_t>(from + i));
      }
      // Each centre's rows are added in their order by one thread: the sum does not depend on the threads.
      constexpr std::size_t kTogether = 8;
      team.for_each((touched.size() + kTogether - 1) / kTogether, [&](std::size_t piece) {
        std::vector<double> sum(stride);
        const std::size_t end = std::min(touched.size(), (piece + 1) * kTogether);
        for (std::size_t t = piece * kTogether; t < end; ++t) {
          const std::size_t c = touched[t];
          std::fill(sum.begin(), sum.end(), 0.0);
          for (const std::uint32_t at : members[c]) list.add(at, 1.0, sum.data());
          const double before = out.weights[c];
          const double after = before + static_cast<double>(members[c].size());
          float* centre = out.centres.row(c);
          for (std::size_t d = 0; d < stride; ++d) {
            centre[d] = static_cast<float>((centre[d] * before + sum[d]) / after);
          }
          out.centres.update_norm(c);
          out.weights[c] = after;
          members[c].clear();
        }
      });
      if (report && from + n >= next_report) {
        const double done = static_cast<double>(from + n) / static_cast<double>(rows.size());
        const double part = (static_cast<double>(epoch) + done) / static_cast<double>(options.epochs);
        report({KMeansEvent::Kind::batches, epoch, from + n, part});
        next_report = from + n + step;
      }
    }
    if (report) {
      const double unit = 1.0 / (static_cast<double>(rows.denominator()) * rows.denominator());
      report({KMeansEvent::Kind::epoch, epoch, rows.size(), loss * unit / static_cast<double>(rows.size())});
    }
  }
  return out;
}

}  // namespace millrace::algorithms
