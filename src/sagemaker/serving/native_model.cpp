#include "sagemaker/serving/native_model.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>

#include "sagemaker/algorithms/content_type.h"
#include "sagemaker/algorithms/registry.h"

namespace millrace::sagemaker {
namespace {

constexpr std::size_t kMaxBody = 256u << 10;  // of a request
constexpr std::size_t kMaxWork = 8u << 20;    // a request's numbers times the matrix's rows: about a millisecond

tl::unexpected<Error> refuse(std::string why) { return fail(Code::invalid_argument, std::move(why)); }

Result<built_in::Matrix> read_matrix(std::string_view bytes) {
  std::uint64_t shape[2];
  if (bytes.size() <= sizeof shape) return refuse("the matrix is cut short");
  std::memcpy(shape, bytes.data(), sizeof shape);
  bytes.remove_prefix(sizeof shape);
  const std::size_t count = bytes.size() / sizeof(float);
  if (count > built_in::kMaxMatrixValues || bytes.size() % sizeof(float) != 0) return refuse("the matrix is too large");
  if (shape[0] == 0 || shape[1] == 0 || shape[0] > count || shape[1] > count || shape[0] * shape[1] != count)
    return refuse("the matrix does not have its shape");
  built_in::Matrix matrix{shape[0], shape[1], std::vector<float>(count)};
  std::memcpy(matrix.values.data(), bytes.data(), bytes.size());
  if (!std::ranges::all_of(matrix.values, [](float value) { return std::isfinite(value); }))
    return refuse("the matrix holds a value that is not a finite number");
  return matrix;
}

}  // namespace

Result<std::shared_ptr<const NativeModel>> NativeModel::parse(std::string_view algorithm, std::string_view bytes) {
  const built_in::Algorithm& known = *MR_TRY(built_in::require_algorithm(algorithm));
  built_in::Matrix matrix = MR_TRY(read_matrix(bytes));
  const std::size_t rows = matrix.rows;
  return std::make_shared<const NativeModel>(known.info(), MR_TRY(known.from_matrix(std::move(matrix))), rows);
}

bool NativeModel::takes(std::string_view content_type, std::size_t body_bytes) const {
  if (body_bytes > kMaxBody || (body_bytes / 2 + 1) * rows_ > kMaxWork) return false;
  const std::string_view type = content_type.substr(0, content_type.find(';'));
  return type == built_in::kCsv || type == built_in::kJson || type == built_in::kJsonLines;
}

built_in::InferenceAnswer NativeModel::infer(std::string_view content_type, std::string_view accept,
                                             std::string_view body) const {
  return built_in::infer(info_, *model_, content_type, accept, body);
}

}  // namespace millrace::sagemaker
