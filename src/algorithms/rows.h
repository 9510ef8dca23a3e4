#pragma once
// The training data: a table of dense float32 rows. Where every value is code / denominator for a byte `code` and one
// common denominator (1, 255 or 256: small integers, grey levels), the rows are kept as those bytes, without loss: a
// quarter of the memory traffic, and sums that are exact.

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "algorithms/aligned.h"
#include "algorithms/team.h"
#include "base/result.h"

namespace millrace::algorithms {

// Rows times features; above this the table is refused (16 GiB as floats).
inline constexpr std::size_t kMaxValues = std::size_t{1} << 32;
inline constexpr std::size_t kMaxFeatures = 1u << 20;

class Rows {
 public:
  // `rows`: where each row's `dim` little-endian floats start (no alignment needed; not used afterwards).
  // Errors: invalid_argument (a value is not finite, with the row's number from 0), resource_exhausted.
  static Result<Rows> from_float_bytes(std::span<const std::uint8_t* const> rows, std::size_t dim, Team& team);

  std::size_t size() const { return size_; }
  std::size_t dim() const { return dim_; }
  std::size_t stride() const { return stride_; }  // numbers from one row to the next; the rest are zeros
  bool coded() const { return codes_.size() != 0; }
  float denominator() const { return denominator_; }                                          // 1 unless coded
  const float* floats(std::size_t row) const { return floats_.data() + row * stride_; }       // unless coded
  const std::uint8_t* codes(std::size_t row) const { return codes_.data() + row * stride_; }  // when coded
  float squared_length(std::size_t row) const { return squared_lengths_[row]; }  // of the codes; when coded
  void copy_row(std::size_t row, float* out) const;                              // dim values, in the data's own units

 private:
  bool encode(std::span<const std::uint8_t* const> rows, float denominator, Team& team);

  std::size_t size_ = 0, dim_ = 0, stride_ = 0;
  float denominator_ = 1;
  Aligned<float> floats_;
  Aligned<std::uint8_t> codes_;
  std::vector<float> squared_lengths_;
};

}  // namespace millrace::algorithms
