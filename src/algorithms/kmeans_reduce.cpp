// K weighted centres reduced to k by Lloyd's algorithm, several times over.

#include <algorithm>
#include <numeric>

#include "algorithms/kmeans_centres.h"

namespace millrace::algorithms {
namespace {

constexpr std::size_t kAutoTrials = 10;

// The weighted centres as a table of their own. They are finite floats, so this cannot fail but for memory.
Result<Rows> as_rows(const WeightedCentres& from, Team& team) {
  std::vector<const std::uint8_t*> pointers;
  for (std::size_t i = 0; i < from.centres.count; ++i) {
    pointers.push_back(reinterpret_cast<const std::uint8_t*>(from.centres.row(i)));
  }
  return Rows::from_float_bytes(pointers, from.centres.dim, team);
}

double lloyd(const RowList& rows, const std::vector<double>& weights, double weight, std::size_t max_iterations,
             double tolerance, Centres& centres) {
  const std::size_t n = rows.size();
  std::vector<std::int32_t> label(n);
  std::vector<float> best(n), second(n);
  std::vector<std::uint32_t> at(n);
  std::iota(at.begin(), at.end(), 0u);
  std::vector<double> sums(centres.count * centres.stride), counts(centres.count);
  double before = std::numeric_limits<double>::infinity();
  for (std::size_t iteration = 0;; ++iteration) {
    double loss = 0;
    for (std::size_t from = 0; from < n; from += RowList::kAssignRows) {
      const std::size_t some = std::min(RowList::kAssignRows, n - from);
      rows.assign(at.data() + from, some, centres, label.data() + from, best.data() + from, second.data() + from);
    }
    for (std::size_t i = 0; i < n; ++i) loss += weights[i] * best[i];
    loss /= weight;
    if (iteration == max_iterations || before - loss <= tolerance * loss) return loss;
    before = loss;

    std::fill(sums.begin(), sums.end(), 0.0);
    std::fill(counts.begin(), counts.end(), 0.0);
    for (std::size_t i = 0; i < n; ++i) {
      const auto c = static_cast<std::size_t>(label[i]);
      rows.add(i, weights[i], sums.data() + c * centres.stride);
      counts[c] += weights[i];
    }
    for (std::size_t c = 0; c < centres.count; ++c) {
      if (counts[c] <= 0) continue;  // nobody's centre stays where it is
      for (std::size_t d = 0; d < centres.stride; ++d) {
        centres.row(c)[d] = static_cast<float>(sums[c * centres.stride + d] / counts[c]);
      }
      centres.update_norm(c);
    }
  }
}

}  // namespace

std::vector<Reduction> reduce_centres(const WeightedCentres& from, const KMeansOptions& options, Random& random,
                                      Team& team, double unit, const std::function<void(const KMeansEvent&)>& report) {
  auto table = as_rows(from, team);
  if (!table) return {};
  const RowList rows = RowList::all(*table);
  double weight = 0;
  for (const double w : from.weights) weight += w;

  const std::size_t trials = options.local_lloyd_num_trials == 0 ? kAutoTrials : options.local_lloyd_num_trials;
  std::vector<std::uint64_t> seeds(trials);
  for (std::uint64_t& seed : seeds) seed = random.next();
  std::vector<Reduction> out;
  for (std::size_t t = 0; t < trials; ++t) out.push_back({Centres(options.k, table->dim(), table->stride()), 0, t});
  team.for_each(trials, [&](std::size_t t) {
    Random own(seeds[t]);
    Team alone(1);
    out[t].centres = options.local_lloyd_init_method == KMeansOptions::Init::random
                         ? random_centres(rows, options.k, own)
                         : kmeans_plus_plus(rows, from.weights, options.k, own, alone);
    out[t].loss =
        lloyd(rows, from.weights, weight, options.local_lloyd_max_iter, options.local_lloyd_tol, out[t].centres);
  });
  // The table may have found a denominator of its own; back to the unit of the centres it was made from.
  const auto scale = 1.0 / static_cast<double>(table->denominator());
  for (std::size_t t = 0; t < trials; ++t) {
    Centres& centres = out[t].centres;
    for (std::size_t i = 0; i < centres.count * centres.stride; ++i) {
      centres.values[i] = static_cast<float>(centres.values[i] * scale);
    }
    for (std::size_t c = 0; c < centres.count; ++c) centres.update_norm(c);
    out[t].loss *= scale * scale;
    if (report) report({KMeansEvent::Kind::local_lloyd, t, 0, out[t].loss * unit});
  }
  std::sort(out.begin(), out.end(), [](const Reduction& a, const Reduction& b) {
    return a.loss != b.loss ? a.loss < b.loss : a.trial < b.trial;
  });
  return out;
}

}  // namespace millrace::algorithms
