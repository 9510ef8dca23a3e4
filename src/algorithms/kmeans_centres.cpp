#include "algorithms/kmeans_centres.h"

#include <algorithm>
#include <cstring>
#include <numeric>

namespace millrace::algorithms {

Centres& Centres::operator=(const Centres& other) {
  if (this == &other) return *this;
  if (values.size() != other.values.size()) values = Aligned<float>::uninitialised(other.values.size());
  count = other.count;
  dim = other.dim;
  stride = other.stride;
  std::memcpy(values.data(), other.values.data(), values.size() * sizeof(float));
  norms = other.norms;
  return *this;
}

void Centres::update_norm(std::size_t i) {
  const float* at = row(i);
  double sum = 0;
  for (std::size_t d = 0; d < dim; ++d) sum += static_cast<double>(at[d]) * at[d];
  norms[i] = static_cast<float>(sum);
}

double squared_distance(const float* a, const float* b, std::size_t n) {
  double sum = 0;
  for (std::size_t d = 0; d < n; ++d) {
    const double difference = static_cast<double>(a[d]) - b[d];
    sum += difference * difference;
  }
  return sum;
}

RowList::RowList(const Rows& rows, std::vector<std::uint32_t> chosen)
    : rows_(&rows), kernel_(&kernels::best()), chosen_(std::move(chosen)) {}

RowList RowList::all(const Rows& rows) {
  std::vector<std::uint32_t> chosen(rows.size());
  std::iota(chosen.begin(), chosen.end(), 0u);
  return {rows, std::move(chosen)};
}

void RowList::assign(const std::uint32_t* at, std::size_t n, const Centres& centres, std::int32_t* label, float* best,
                     float* second) const {
  if (!rows_->coded()) {
    const float* pointers[kAssignRows];
    for (std::size_t i = 0; i < n; ++i) pointers[i] = rows_->floats(chosen_[at[i]]);
    kernel_->assign_f32(pointers, n, centres.view(), label, best, second);
    return;
  }
  const std::uint8_t* pointers[kAssignRows];
  for (std::size_t i = 0; i < n; ++i) pointers[i] = rows_->codes(chosen_[at[i]]);
  kernel_->assign_u8(pointers, n, centres.view(), label, best, second);
  for (std::size_t i = 0; i < n; ++i) {
    const float own = rows_->squared_length(chosen_[at[i]]);
    best[i] = std::max(0.0f, best[i] + own);  // a row on its centre may come out a rounding error below
    second[i] = std::max(0.0f, second[i] + own);
  }
}

void RowList::add(std::size_t at, double sign, double* sum) const {
  if (rows_->coded()) {
    kernel_->add_u8(sum, rows_->codes(chosen_[at]), rows_->stride(), sign);
  } else {
    kernel_->add_f32(sum, rows_->floats(chosen_[at]), rows_->stride(), sign);
  }
}

void RowList::copy(std::size_t at, float* out) const {
  const std::size_t row = chosen_[at];
  if (!rows_->coded()) {
    std::memcpy(out, rows_->floats(row), rows_->stride() * sizeof(float));
    return;
  }
  const std::uint8_t* codes = rows_->codes(row);
  for (std::size_t d = 0; d < rows_->stride(); ++d) out[d] = static_cast<float>(codes[d]);
}

double total_squared_distance(const RowList& rows, const Centres& centres, Team& team) {
  constexpr std::size_t kPiece = RowList::kAssignRows;
  std::vector<double> sums((rows.size() + kPiece - 1) / kPiece);
  team.for_each(sums.size(), [&](std::size_t piece) {
    std::uint32_t at[kPiece];
    std::int32_t label[kPiece];
    float best[kPiece], second[kPiece];
    const std::size_t from = piece * kPiece;
    const std::size_t n = std::min(kPiece, rows.size() - from);
    std::iota(at, at + n, static_cast<std::uint32_t>(from));
    rows.assign(at, n, centres, label, best, second);
    double sum = 0;
    for (std::size_t i = 0; i < n; ++i) sum += best[i];
    sums[piece] = sum;
  });
  double total = 0;
  for (const double sum : sums) total += sum;
  return total;
}

}  // namespace millrace::algorithms
