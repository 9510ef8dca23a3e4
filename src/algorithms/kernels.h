#pragma once
// The inner loops of K-Means, one table a kind of processor, chosen at run time. Every kernel adds in a fixed order, so
// that on one kind of processor the same input gives the same bits.
//
// Rows and centres are padded with zeros to `stride` numbers, a multiple of kLane, and centres are 64-byte aligned.

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace millrace::algorithms::kernels {

inline constexpr std::size_t kLane = 16;  // numbers: the widest vector of 32-bit floats

struct CentresView {
  const float* values = nullptr;  // count rows of stride
  const float* norms = nullptr;   // squared length of each centre; read by assign_u8 only
  std::size_t count = 0;
  std::size_t stride = 0;
};

struct Table {
  std::string_view name;  // "avx512", "avx2", "portable"

  // The nearest centre of each of `n` rows, ties to the lower index. best, second: the smallest and second smallest
  // squared distance (infinite when there is only one centre).
  void (*assign_f32)(const float* const* rows, std::size_t n, const CentresView& centres, std::int32_t* label,
                     float* best, float* second);
  // The same for rows of bytes, as scores: squared distance less the row's own squared length.
  void (*assign_u8)(const std::uint8_t* const* rows, std::size_t n, const CentresView& centres, std::int32_t* label,
                    float* best, float* second);

  // sum[i] += sign * row[i]
  void (*add_f32)(double* sum, const float* row, std::size_t stride, double sign);
  void (*add_u8)(double* sum, const std::uint8_t* row, std::size_t stride, double sign);

  float (*squared_length_u8)(const std::uint8_t* row, std::size_t stride);

  // Encodes `count` little-endian floats (no alignment needed) as round(value * denominator). False, with `codes` in
  // an unspecified state, when a value is not exactly the float nearest to code / denominator with code in 0..255.
  bool (*encode)(const std::uint8_t* floats, std::size_t count, float denominator, std::uint8_t* codes);
  // Copies `count` little-endian floats; false when one is not finite.
  bool (*copy_finite)(const std::uint8_t* floats, std::size_t count, float* out);
};

const Table& best();                        // for this processor
std::vector<const Table*> all_supported();  // the tables this processor can run; for tests and benchmarks

// One function a translation unit; nullptr where the compiler's target has no such instructions.
const Table* avx512_table();
const Table* avx2_table();
const Table* portable_table();

}  // namespace millrace::algorithms::kernels
