// Lloyd's algorithm over all rows, with Hamerly's bounds (Making k-means even faster, SDM 2010): a row whose centre is
// certain from the last distances and the centres' movements is not looked at. The result is Lloyd's.

#include <algorithm>
#include <cmath>
#include <limits>

#include "algorithms/kmeans_centres.h"

namespace millrace::algorithms {
namespace {

constexpr std::size_t kMaxSegments = 32;
constexpr std::size_t kSegmentRows = 1024;                  // at least, in a table that has more
constexpr std::size_t kSegmentSumBytes = 64 * 1024 * 1024;  // all segments' sums together, about; each pass reads them
constexpr float kSlack = 1e-5f;                             // relative; covers the rounding of a float32 distance

// A fixed run of rows with its own sums, kept from pass to pass. The rows are cut into segments by their number
// alone, so that the total does not depend on the threads.
struct Segment {
  std::size_t from = 0, to = 0;
  std::vector<double> sums;          // k rows of stride
  std::vector<std::int64_t> counts;  // k
  std::size_t changed = 0;           // rows that changed their centre in this pass
};

struct Bounds {
  std::vector<std::int32_t> label;
  std::vector<float> upper;  // at least the distance to the row's own centre
  std::vector<float> lower;  // at most the distance to any other
};

struct Movement {
  std::vector<float> moved;     // each centre, since the last pass
  std::vector<float> half_gap;  // half the distance from each centre to the nearest other
  float most = 0, second_most = 0;
  std::size_t furthest = 0;
};

Movement measure(const Centres& before, const Centres& after) {
  const std::size_t k = after.count;
  Movement out;
  out.moved.resize(k);
  out.half_gap.assign(k, std::numeric_limits<float>::infinity());
  for (std::size_t c = 0; c < k; ++c) {
    out.moved[c] =
        static_cast<float>(std::sqrt(squared_distance(before.row(c), after.row(c), after.dim))) * (1 + kSlack);
    if (out.moved[c] > out.most) {
      out.second_most = out.most;
      out.most = out.moved[c];
      out.furthest = c;
    } else {
      out.second_most = std::max(out.second_most, out.moved[c]);
    }
  }
  if (k > 256) {  // k² distances would cost more than they save
    out.half_gap.assign(k, 0.0f);
    return out;
  }
  for (std::size_t a = 0; a < k; ++a) {
    for (std::size_t b = 0; b < a; ++b) {
      const float half =
          0.5f * static_cast<float>(std::sqrt(squared_distance(after.row(a), after.row(b), after.dim))) * (1 - kSlack);
      out.half_gap[a] = std::min(out.half_gap[a], half);
      out.half_gap[b] = std::min(out.half_gap[b], half);
    }
  }
  return out;
}

void settle(const RowList& rows, const Centres& centres, const std::uint32_t* at, std::size_t n, Bounds& bounds,
            Segment& segment) {
  std::int32_t label[RowList::kAssignRows];
  float best[RowList::kAssignRows], second[RowList::kAssignRows];
  rows.assign(at, n, centres, label, best, second);
  for (std::size_t i = 0; i < n; ++i) {
    const std::size_t row = at[i];
    bounds.upper[row] = std::sqrt(best[i]) * (1 + kSlack);
    bounds.lower[row] = std::sqrt(second[i]) * (1 - kSlack);
    const std::int32_t old = bounds.label[row];
    if (old == label[i]) continue;
    ++segment.changed;
    bounds.label[row] = label[i];
    if (old >= 0) {
      rows.add(row, -1.0, segment.sums.data() + static_cast<std::size_t>(old) * centres.stride);
      --segment.counts[static_cast<std::size_t>(old)];
    }
    rows.add(row, 1.0, segment.sums.data() + static_cast<std::size_t>(label[i]) * centres.stride);
    ++segment.counts[static_cast<std::size_t>(label[i])];
  }
}

void pass(const RowList& rows, const Centres& centres, const Movement* movement, Bounds& bounds, Segment& segment) {
  std::uint32_t active[RowList::kAssignRows];
  std::size_t n = 0;
  segment.changed = 0;
  for (std::size_t row = segment.from; row < segment.to; ++row) {
    if (movement != nullptr) {
      const auto label = static_cast<std::size_t>(bounds.label[row]);
      const float upper = bounds.upper[row] + movement->moved[label];
      const float lower = bounds.lower[row] - (label == movement->furthest ? movement->second_most : movement->most);
      bounds.upper[row] = upper;
      bounds.lower[row] = lower;
      if (upper < std::max(lower, movement->half_gap[label])) continue;
    }
    active[n++] = static_cast<std::uint32_t>(row);
    if (n == RowList::kAssignRows) {
      settle(rows, centres, active, n, bounds, segment);
      n = 0;
    }
  }
  if (n != 0) settle(rows, centres, active, n, bounds, segment);
}

std::vector<Segment> cut(std::size_t rows, const Centres& centres) {
  const std::size_t sum_bytes = centres.count * centres.stride * sizeof(double);
  const std::size_t allowed = std::max<std::size_t>(1, kSegmentSumBytes / sum_bytes);
  const std::size_t wanted = std::clamp<std::size_t>(rows / kSegmentRows, 1, kMaxSegments);
  std::vector<Segment> segments(std::min(wanted, allowed));
  for (std::size_t s = 0; s < segments.size(); ++s) {
    segments[s].from = rows * s / segments.size();
    segments[s].to = rows * (s + 1) / segments.size();
    segments[s].sums.resize(centres.count * centres.stride);
    segments[s].counts.resize(centres.count);
  }
  return segments;
}

// Each centre to the mean of its rows. A centre without rows stays where it is.
void move_centres(const std::vector<Segment>& segments, Centres& centres, Team& team) {
  team.for_each(centres.count, [&](std::size_t c) {
    std::int64_t count = 0;
    for (const Segment& segment : segments) count += segment.counts[c];
    if (count == 0) return;
    float* centre = centres.row(c);
    std::vector<double> total(centres.stride);
    for (const Segment& segment : segments) {
      const double* sums = segment.sums.data() + c * centres.stride;
      for (std::size_t d = 0; d < centres.stride; ++d) total[d] += sums[d];
    }
    for (std::size_t d = 0; d < centres.stride; ++d) {
      centre[d] = static_cast<float>(total[d] / static_cast<double>(count));
    }
    centres.update_norm(c);
  });
}

}  // namespace

Polished polish(const RowList& rows, Centres& centres, std::size_t max_iterations, double tolerance, Team& team,
                const std::function<void(const KMeansEvent&)>& report) {
  Bounds bounds;
  bounds.label.assign(rows.size(), -1);
  bounds.upper.resize(rows.size());
  bounds.lower.resize(rows.size());
  std::vector<Segment> segments = cut(rows.size(), centres);
  const double scale =
      tolerance == 0 ? 0 : std::sqrt(total_squared_distance(rows, centres, team) / static_cast<double>(rows.size()));
  Polished out;
  Movement movement;
  while (out.iterations < max_iterations) {
    const bool first = out.iterations == 0;
    team.for_each(segments.size(),
                  [&](std::size_t s) { pass(rows, centres, first ? nullptr : &movement, bounds, segments[s]); });
    ++out.iterations;
    std::size_t changed = 0;
    for (const Segment& segment : segments) changed += segment.changed;
    if (report) report({KMeansEvent::Kind::polish_pass, out.iterations, changed, 0});
    if (changed == 0) break;
    const Centres before = centres;
    move_centres(segments, centres, team);
    movement = measure(before, centres);
    if (movement.most <= tolerance * scale) break;
  }
  out.loss = total_squared_distance(rows, centres, team) / static_cast<double>(rows.size());
  return out;
}

}  // namespace millrace::algorithms
