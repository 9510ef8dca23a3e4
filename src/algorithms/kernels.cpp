#include "algorithms/kernels.h"

namespace millrace::algorithms::kernels {

std::vector<const Table*> all_supported() {
  std::vector<const Table*> tables;
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512vl") && avx512_table() != nullptr) {
    tables.push_back(avx512_table());
  }
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && avx2_table() != nullptr) {
    tables.push_back(avx2_table());
  }
#endif
  tables.push_back(portable_table());
  return tables;
}

const Table& best() {
  static const Table& chosen = *all_supported().front();
  return chosen;
}

}  // namespace millrace::algorithms::kernels
