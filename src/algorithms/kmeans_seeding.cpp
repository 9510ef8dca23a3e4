// The two ways to choose first centres.

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "algorithms/kmeans_centres.h"

namespace millrace::algorithms {
namespace {

// Lowers `nearest` by the squared distances to one new centre, into `out`; returns the weighted sum.
double closer(const RowList& rows, const std::vector<double>& weights, const Centres& one,
              const std::vector<float>& nearest, std::vector<float>& out, Team& team) {
  constexpr std::size_t kPiece = RowList::kAssignRows;
  std::vector<double> sums((rows.size() + kPiece - 1) / kPiece);
  team.for_each(sums.size(), [&](std::size_t piece) {
    std::uint32_t at[kPiece];
    std::int32_t label[kPiece];
    float best[kPiece], second[kPiece];
    const std::size_t from = piece * kPiece;
    const std::size_t n = std::min(kPiece, rows.size() - from);
    std::iota(at, at + n, static_cast<std::uint32_t>(from));
    rows.assign(at, n, one, label, best, second);
    double sum = 0;
    for (std::size_t i = 0; i < n; ++i) {
      out[from + i] = std::min(nearest[from + i], best[i]);
      sum += static_cast<double>(out[from + i]) * (weights.empty() ? 1.0 : weights[from + i]);
    }
    sums[piece] = sum;
  });
  double total = 0;
  for (const double sum : sums) total += sum;
  return total;
}

std::size_t draw(const std::vector<float>& distances, const std::vector<double>& weights, double total,
                 Random& random) {
  const std::size_t n = weights.empty() ? distances.size() : weights.size();
  double left = random.uniform() * total;
  std::size_t last = 0;
  for (std::size_t i = 0; i < n; ++i) {
    const double share = (distances.empty() ? 1.0 : distances[i]) * (weights.empty() ? 1.0 : weights[i]);
    if (share <= 0) continue;
    last = i;
    left -= share;
    if (left < 0) break;
  }
  return last;
}

void set_centre(const RowList& rows, std::size_t at, Centres& centres, std::size_t index) {
  rows.copy(at, centres.row(index));
  centres.update_norm(index);
}

}  // namespace

Centres kmeans_plus_plus(const RowList& rows, const std::vector<double>& weights, std::size_t count, Random& random,
                         Team& team) {
  const Rows& table = rows.rows();
  Centres centres(count, table.dim(), table.stride());
  Centres one(1, table.dim(), table.stride());
  std::vector<float> nearest(rows.size(), std::numeric_limits<float>::infinity());
  std::vector<float> trial(rows.size());
  std::vector<float> best_trial(rows.size());

  const double weight =
      weights.empty() ? static_cast<double>(rows.size()) : std::accumulate(weights.begin(), weights.end(), 0.0);
  const std::size_t first = weights.empty() ? random.below(rows.size()) : draw({}, weights, weight, random);
  set_centre(rows, first, centres, 0);
  set_centre(rows, first, one, 0);
  double total = closer(rows, weights, one, nearest, trial, team);
  nearest.swap(trial);

  const std::size_t draws = 2 + static_cast<std::size_t>(std::log(static_cast<double>(count)));
  for (std::size_t c = 1; c < count; ++c) {
    if (total <= 0) {  // every row is a centre already
      set_centre(rows, random.below(rows.size()), centres, c);
      continue;
    }
    double best_total = std::numeric_limits<double>::infinity();
    std::size_t chosen = 0;
    for (std::size_t i = 0; i < draws; ++i) {
      const std::size_t at = draw(nearest, weights, total, random);
      set_centre(rows, at, one, 0);
      const double sum = closer(rows, weights, one, nearest, trial, team);
      if (sum < best_total) {
        best_total = sum;
        chosen = at;
        best_trial.swap(trial);
      }
    }
    set_centre(rows, chosen, centres, c);
    nearest.swap(best_trial);
    total = best_total;
  }
  return centres;
}

Centres random_centres(const RowList& rows, std::size_t count, Random& random) {
  const Rows& table = rows.rows();
  Centres centres(count, table.dim(), table.stride());
  std::vector<std::uint32_t> order(rows.size());
  std::iota(order.begin(), order.end(), 0u);
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t place = i % order.size();
    std::swap(order[place], order[place + random.below(order.size() - place)]);
    set_centre(rows, order[place], centres, i);
  }
  return centres;
}

}  // namespace millrace::algorithms
