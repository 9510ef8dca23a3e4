// The kernels for processors with AVX2 and FMA.
#include "algorithms/kernels.h"

#if defined(__x86_64__)
#include <immintrin.h>

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx2,fma")
#endif

#define MR_INLINE [[gnu::always_inline]] static inline

namespace millrace::algorithms::kernels {
namespace {

using Vector = float __attribute__((vector_size(32)));
using Ints = std::int32_t __attribute__((vector_size(32)));
using Bytes = std::uint8_t __attribute__((vector_size(8)));
using Four = float __attribute__((vector_size(16)));
using FourInts = std::int32_t __attribute__((vector_size(16)));
constexpr std::size_t kWidth = 8;
constexpr int kCentres = 2;

MR_INLINE Vector widen(Bytes bytes) {
  long long low = 0;
  __builtin_memcpy(&low, &bytes, sizeof low);
  return reinterpret_cast<Vector>(_mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_cvtsi64_si128(low))));
}
MR_INLINE Four reduce(Vector a, Vector b, Vector c, Vector d) {
  const __m256 ab = _mm256_hadd_ps(reinterpret_cast<__m256>(a), reinterpret_cast<__m256>(b));
  const __m256 cd = _mm256_hadd_ps(reinterpret_cast<__m256>(c), reinterpret_cast<__m256>(d));
  const __m256 abcd = _mm256_hadd_ps(ab, cd);
  return reinterpret_cast<Four>(_mm_add_ps(_mm256_castps256_ps128(abcd), _mm256_extractf128_ps(abcd, 1)));
}

#include "algorithms/kernels_body.inc"

constexpr Table kTable{"avx2", assign_f32, assign_u8, add_f32, add_u8, squared_length_u8, encode, copy_finite};

}  // namespace
}  // namespace millrace::algorithms::kernels

#undef MR_INLINE
#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif

namespace millrace::algorithms::kernels {
const Table* avx2_table() { return &kTable; }
}  // namespace millrace::algorithms::kernels
#else
namespace millrace::algorithms::kernels {
const Table* avx2_table() { return nullptr; }
}  // namespace millrace::algorithms::kernels
#endif
