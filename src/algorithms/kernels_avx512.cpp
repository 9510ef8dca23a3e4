// The kernels for processors with AVX-512 (F, BW, DQ, VL).
#include "algorithms/kernels.h"

#if defined(__x86_64__)
#include <immintrin.h>

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma"))), \
                             apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma,prefer-vector-width=512")
#endif

#define MR_INLINE [[gnu::always_inline]] static inline

namespace millrace::algorithms::kernels {
namespace {

using Vector = float __attribute__((vector_size(64)));
using Ints = std::int32_t __attribute__((vector_size(64)));
using Bytes = std::uint8_t __attribute__((vector_size(16)));
using Four = float __attribute__((vector_size(16)));
using FourInts = std::int32_t __attribute__((vector_size(16)));
constexpr std::size_t kWidth = 16;
constexpr int kCentres = 6;

MR_INLINE Vector widen(Bytes bytes) {
  return reinterpret_cast<Vector>(_mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(reinterpret_cast<__m128i>(bytes))));
}
MR_INLINE __m256 fold(Vector v) {
  const __m512 wide = reinterpret_cast<__m512>(v);
  return _mm256_add_ps(_mm512_castps512_ps256(wide), _mm512_extractf32x8_ps(wide, 1));
}
MR_INLINE Four reduce(Vector a, Vector b, Vector c, Vector d) {
  const __m256 ab = _mm256_hadd_ps(fold(a), fold(b));
  const __m256 cd = _mm256_hadd_ps(fold(c), fold(d));
  const __m256 abcd = _mm256_hadd_ps(ab, cd);
  return reinterpret_cast<Four>(_mm_add_ps(_mm256_castps256_ps128(abcd), _mm256_extractf128_ps(abcd, 1)));
}

#include "algorithms/kernels_body.inc"

constexpr Table kTable{"avx512", assign_f32, assign_u8, add_f32, add_u8, squared_length_u8, encode, copy_finite};

}  // namespace
}  // namespace millrace::algorithms::kernels

#undef MR_INLINE
#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif

namespace millrace::algorithms::kernels {
const Table* avx512_table() { return &kTable; }
}  // namespace millrace::algorithms::kernels
#else
namespace millrace::algorithms::kernels {
const Table* avx512_table() { return nullptr; }
}  // namespace millrace::algorithms::kernels
#endif
