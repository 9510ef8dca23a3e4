#include "sagemaker/algorithms/kmeans/model_file.h"

#include <fmt/core.h>

#include <cmath>
#include <cstring>
#include <string>

#include "base/file.h"
#include "base/strings.h"
#include "sagemaker/algorithms/ndarray_file.h"

namespace millrace::sagemaker::built_in::kmeans {
namespace {

constexpr std::string_view kMagic("\x93NUMPY\x01\x00", 8);
constexpr std::size_t kPrefix = 10;  // the magic and the header's length
constexpr std::size_t kMaxModelBytes = std::size_t{4} << 30;
constexpr std::int64_t kMaxExtent = 1'000'000'000;

Result<std::pair<std::size_t, std::size_t>> shape_of(std::string_view header) {
  constexpr std::string_view kShape = "'shape': (";
  const std::size_t at = header.find(kShape);
  const std::size_t end = at == std::string_view::npos ? at : header.find(')', at);
  if (end != std::string_view::npos && header.find("'descr': '<f4'") != std::string_view::npos &&
      header.find("'fortran_order': False") != std::string_view::npos) {
    const auto parts = split(header.substr(at + kShape.size(), end - at - kShape.size()), ',');
    const auto rows = parts.size() == 2 ? parse_int(trim(parts[0])) : std::nullopt;
    const auto columns = parts.size() == 2 ? parse_int(trim(parts[1])) : std::nullopt;
    if (rows && columns && *rows > 0 && *columns > 0 && *rows <= kMaxExtent && *columns <= kMaxExtent) {
      return std::pair(static_cast<std::size_t>(*rows), static_cast<std::size_t>(*columns));
    }
  }
  return fail(Code::invalid_argument, "it is not a two-dimensional float32 array");
}

Result<algorithms::KMeansModel> parse_npy(std::string_view bytes) {
  const auto byte = [&](std::size_t i) { return static_cast<std::size_t>(static_cast<unsigned char>(bytes[i])); };
  const std::size_t length = byte(8) | byte(9) << 8;
  if (bytes.size() < kPrefix + length) return fail(Code::invalid_argument, "its header is cut short");
  const auto [k, dim] = MR_TRY(shape_of(bytes.substr(kPrefix, length)));
  bytes.remove_prefix(kPrefix + length);
  if (bytes.size() != k * dim * sizeof(float)) return fail(Code::invalid_argument, "its size does not fit its shape");
  algorithms::KMeansModel model{k, dim, std::vector<float>(k * dim)};
  std::memcpy(model.centres.data(), bytes.data(), bytes.size());
  return model;
}

Result<algorithms::KMeansModel> parse_arrays(std::string_view bytes) {
  auto arrays = MR_TRY(read_ndarrays(bytes));
  if (arrays.size() != 1 || arrays.front().shape.size() != 2 || arrays.front().values.empty())
    return fail(Code::invalid_argument, "it is not one two-dimensional array");
  NdArray& centres = arrays.front();
  return algorithms::KMeansModel{centres.shape[0], centres.shape[1], std::move(centres.values)};
}

Result<algorithms::KMeansModel> parse(std::string_view bytes) {
  const bool is_npy = bytes.starts_with(kMagic) && bytes.size() >= kPrefix;
  auto model = MR_TRY(is_npy ? parse_npy(bytes) : parse_arrays(bytes));
  for (const float value : model.centres) {
    if (!std::isfinite(value)) return fail(Code::invalid_argument, "it holds a value that is not a finite number");
  }
  return model;
}

}  // namespace

Status save_model(const algorithms::KMeansModel& model, const std::filesystem::path& directory) {
  const NdArray centres{"", {model.k, model.dim}, model.centres};
  MR_TRY(make_directories(directory));
  return write_file(directory / kModelFile, write_ndarrays({&centres, 1}));
}

Result<algorithms::KMeansModel> load_model(const std::filesystem::path& directory) {
  const auto bytes = read_file(directory / kModelFile, kMaxModelBytes);
  if (!bytes) {
    if (bytes.error().code != Code::not_found) return fail(bytes.error());
    return fail(Code::not_found, fmt::format("The model archive holds no file {}", kModelFile));
  }
  auto model = parse(*bytes);
  if (!model) {
    return fail(Code::invalid_argument,
                fmt::format("{} is not a K-Means model: {}", kModelFile, model.error().message));
  }
  return model;
}

}  // namespace millrace::sagemaker::built_in::kmeans
