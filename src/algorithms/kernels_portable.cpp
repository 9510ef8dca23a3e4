// The kernels for any processor, in vectors of four that compilers map to what there is (SSE2, NEON).
#include "algorithms/kernels.h"

#define MR_INLINE [[gnu::always_inline]] static inline

namespace millrace::algorithms::kernels {
namespace {

using Vector = float __attribute__((vector_size(16)));
using Ints = std::int32_t __attribute__((vector_size(16)));
using Bytes = std::uint8_t __attribute__((vector_size(4)));
using Four = Vector;
using FourInts = Ints;
constexpr std::size_t kWidth = 4;
constexpr int kCentres = 2;

MR_INLINE Vector widen(Bytes bytes) { return __builtin_convertvector(__builtin_convertvector(bytes, Ints), Vector); }
MR_INLINE Four reduce(Vector a, Vector b, Vector c, Vector d) {
  return Four{(a[0] + a[1]) + (a[2] + a[3]), (b[0] + b[1]) + (b[2] + b[3]), (c[0] + c[1]) + (c[2] + c[3]),
              (d[0] + d[1]) + (d[2] + d[3])};
}

#include "algorithms/kernels_body.inc"

constexpr Table kTable{"portable", assign_f32, assign_u8, add_f32, add_u8, squared_length_u8, encode, copy_finite};

}  // namespace

const Table* portable_table() { return &kTable; }

}  // namespace millrace::algorithms::kernels

#undef MR_INLINE
