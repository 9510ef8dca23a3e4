#include "algorithms/rows.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <string>

#include "algorithms/kernels.h"

namespace millrace::algorithms {
namespace {

constexpr std::size_t kRowsAPiece = 1024;

std::size_t pieces(std::size_t rows) { return (rows + kRowsAPiece - 1) / kRowsAPiece; }

}  // namespace

Result<Rows> Rows::from_float_bytes(std::span<const std::uint8_t* const> rows, std::size_t dim, Team& team) {
  if (dim == 0 || dim > kMaxFeatures || rows.size() > kMaxValues / std::max<std::size_t>(dim, 1)) {
    return fail(Code::resource_exhausted, "the data has " + std::to_string(rows.size()) + " rows of " +
                                              std::to_string(dim) + " features, which is more than this program holds");
  }
  Rows out;
  out.size_ = rows.size();
  out.dim_ = dim;
  out.stride_ = (dim + kernels::kLane - 1) / kernels::kLane * kernels::kLane;
  for (const float denominator : {255.0f, 256.0f, 1.0f}) {
    if (out.encode(rows, denominator, team)) return out;
  }

  out.denominator_ = 1;
  out.floats_ = Aligned<float>::uninitialised(out.size_ * out.stride_);
  const kernels::Table& kernel = kernels::best();
  std::atomic<std::size_t> first_wrong{rows.size()};
  team.for_each(pieces(rows.size()), [&](std::size_t piece) {
    const std::size_t end = std::min(rows.size(), (piece + 1) * kRowsAPiece);
    for (std::size_t i = piece * kRowsAPiece; i < end; ++i) {
      float* to = out.floats_.data() + i * out.stride_;
      const bool finite = kernel.copy_finite(rows[i], dim, to);
      std::fill(to + dim, to + out.stride_, 0.0f);
      if (!finite) {
        std::size_t known = first_wrong;
        while (i < known && !first_wrong.compare_exchange_weak(known, i)) {
        }
        return;
      }
    }
  });
  if (first_wrong < rows.size()) {
    return fail(Code::invalid_argument,
                "row " + std::to_string(first_wrong) + " of the data holds a value that is not a finite number");
  }
  return out;
}

bool Rows::encode(std::span<const std::uint8_t* const> rows, float denominator, Team& team) {
  // Most data shows in its first rows that it is no such table: then nothing is allocated for it.
  std::vector<std::uint8_t> trial(stride_);
  const kernels::Table& kernel = kernels::best();
  for (std::size_t i = 0; i < std::min<std::size_t>(rows.size(), 64); ++i) {
    if (!kernel.encode(rows[i], dim_, denominator, trial.data())) return false;
  }
  Aligned<std::uint8_t> codes = Aligned<std::uint8_t>::uninitialised(size_ * stride_);
  std::vector<float> squared_lengths(size_);
  std::atomic<bool> exact{true};
  team.for_each(pieces(size_), [&](std::size_t piece) {
    const std::size_t end = std::min(size_, (piece + 1) * kRowsAPiece);
    for (std::size_t i = piece * kRowsAPiece; i < end && exact; ++i) {
      std::uint8_t* to = codes.data() + i * stride_;
      if (!kernel.encode(rows[i], dim_, denominator, to)) {
        exact = false;
        return;
      }
      std::memset(to + dim_, 0, stride_ - dim_);
      squared_lengths[i] = kernel.squared_length_u8(to, stride_);
    }
  });
  if (!exact) return false;
  denominator_ = denominator;
  codes_ = std::move(codes);
  squared_lengths_ = std::move(squared_lengths);
  return true;
}

void Rows::copy_row(std::size_t row, float* out) const {
  if (!coded()) {
    std::memcpy(out, floats(row), dim_ * sizeof(float));
    return;
  }
  const std::uint8_t* from = codes(row);
  for (std::size_t d = 0; d < dim_; ++d) out[d] = static_cast<float>(from[d]) / denominator_;
}

}  // namespace millrace::algorithms
