#pragma once
// MXNet's file of arrays, which SageMaker's own algorithms keep their models in (mx.nd.save, mx.nd.load).
// Source: apache/mxnet, src/ndarray/ndarray.cc, NDArray::Save and Load. Little endian:
//   u64 0x112, u64 0, u64 how many arrays; of each array
//     u32 0xF993FAC9, i32 0 (dense), u32 dimensions, i64 each, i32 1 (CPU), i32 0, i32 type (0: float32), the data;
//   u64 how many names (0: a list), of each name u64 bytes, the bytes.
// Also read: the formats before and after it (0xF993FAC8, 0xF993FACA, and the oldest one, which has no such word).

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace millrace::sagemaker::built_in {

struct NdArray {
  std::string name;  // empty in a list
  std::vector<std::uint64_t> shape;
  std::vector<float> values;  // row by row
};

inline constexpr std::size_t kMaxArrays = 1024, kMaxDimensions = 32;

bool is_ndarray_file(std::string_view bytes);
// float32; a list where no array has a name.
std::string write_ndarrays(std::span<const NdArray> arrays);
// Of any number type, as float. Errors: invalid_argument, what is wrong with it; no more memory is taken than eight
// times the file's size.
Result<std::vector<NdArray>> read_ndarrays(std::string_view bytes);

}  // namespace millrace::sagemaker::built_in
