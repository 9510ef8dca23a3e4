#include "sagemaker/algorithms/ndarray_file.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <optional>

#include <fmt/core.h>

namespace millrace::sagemaker::built_in {
namespace {

constexpr std::uint64_t kListMagic = 0x112;
constexpr std::uint32_t kV1 = 0xF993FAC8, kV2 = 0xF993FAC9, kV3 = 0xF993FACA;
constexpr std::int32_t kDense = 0, kCpu = 1;

tl::unexpected<Error> refuse(std::string sentence) { return fail(Code::invalid_argument, std::move(sentence)); }

template <class T>
void put(std::string& out, T value) {
  out.append(reinterpret_cast<const char*>(&value), sizeof value);
}

class Reader {
 public:
  explicit Reader(std::string_view bytes) : bytes_(bytes) {}
  template <class T>
  Result<T> take() {
    T value{};
    const auto part = MR_TRY(take_bytes(sizeof value));
    std::memcpy(&value, part.data(), sizeof value);
    return value;
  }
  Result<std::string_view> take_bytes(std::uint64_t count) {
    if (count > bytes_.size()) return refuse("it is cut short");
    const auto part = bytes_.substr(0, count);
    bytes_.remove_prefix(count);
    return part;
  }
  std::size_t left() const { return bytes_.size(); }

 private:
  std::string_view bytes_;
};

float from_half(std::uint16_t half) {
  const int exponent = (half >> 10) & 31, fraction = half & 1023;
  const float sign = (half & 0x8000) != 0 ? -1.0f : 1.0f;
  if (exponent == 0) return sign * std::ldexp(static_cast<float>(fraction), -24);
  if (exponent == 31) return fraction == 0 ? sign * HUGE_VALF : std::nanf("");
  return sign * std::ldexp(static_cast<float>(fraction + 1024), exponent - 25);
}

template <class T>
void convert(std::string_view data, std::vector<float>& out) {
  for (std::size_t i = 0; i < out.size(); ++i) {
    T value{};
    std::memcpy(&value, data.data() + i * sizeof value, sizeof value);
    out[i] = static_cast<float>(value);
  }
}

void convert_half(std::string_view data, std::vector<float>& out) {
  for (std::size_t i = 0; i < out.size(); ++i) {
    std::uint16_t value = 0;
    std::memcpy(&value, data.data() + i * sizeof value, sizeof value);
    out[i] = from_half(value);
  }
}

// mshadow's type flags, by number.
struct NumberType {
  std::size_t size;
  void (*convert)(std::string_view data, std::vector<float>& out);
};
constexpr NumberType kTypes[] = {{4, convert<float>},        {8, convert<double>},       {2, convert_half},
                                 {1, convert<std::uint8_t>}, {4, convert<std::int32_t>}, {1, convert<std::int8_t>},
                                 {8, convert<std::int64_t>}};

Result<std::vector<std::uint64_t>> read_shape(Reader& in, std::uint32_t dimensions, bool is_oldest) {
  if (dimensions > kMaxDimensions) return refuse(fmt::format("an array of {} dimensions is not supported", dimensions));
  std::vector<std::uint64_t> shape;
  for (std::uint32_t i = 0; i < dimensions; ++i)
    shape.push_back(is_oldest ? MR_TRY(in.take<std::uint32_t>()) : MR_TRY(in.take<std::uint64_t>()));
  return shape;
}

// nullopt: more than `most`.
std::optional<std::uint64_t> product(const std::vector<std::uint64_t>& shape, std::uint64_t most) {
  if (std::find(shape.begin(), shape.end(), 0u) != shape.end()) return 0;
  std::uint64_t count = 1;
  for (const std::uint64_t extent : shape) {
    if (extent > most / count) return std::nullopt;
    count *= extent;
  }
  return count;
}

Result<NdArray> read_array(Reader& in) {
  const auto magic = MR_TRY(in.take<std::uint32_t>());
  const bool is_oldest = magic < kV1 || magic > kV3;
  if (magic == kV2 || magic == kV3) {
    if (MR_TRY(in.take<std::int32_t>()) != kDense) return refuse("it holds a sparse array");
  }
  const std::uint32_t dimensions = is_oldest ? magic : MR_TRY(in.take<std::uint32_t>());
  NdArray array;
  if (dimensions == 0 && magic != kV3) return array;  // of no shape: nothing follows
  array.shape = MR_TRY(read_shape(in, dimensions, is_oldest));
  if (dimensions == 0) array.shape.push_back(1);  // one number
  MR_TRY(in.take<std::int32_t>());                // the device
  MR_TRY(in.take<std::int32_t>());
  const auto type = MR_TRY(in.take<std::int32_t>());
  if (type < 0 || static_cast<std::size_t>(type) >= std::size(kTypes))
    return refuse(fmt::format("it holds numbers of an unknown type ({})", type));
  const NumberType& numbers = kTypes[type];
  const auto count = product(array.shape, in.left() / numbers.size);
  if (!count) return refuse("its size does not fit its shape");
  const auto data = MR_TRY(in.take_bytes(*count * numbers.size));
  array.values.resize(*count);
  numbers.convert(data, array.values);
  return array;
}

}  // namespace

bool is_ndarray_file(std::string_view bytes) {
  std::uint64_t magic = 0;
  if (bytes.size() < sizeof magic) return false;
  std::memcpy(&magic, bytes.data(), sizeof magic);
  return magic == kListMagic;
}

std::string write_ndarrays(std::span<const NdArray> arrays) {
  std::string out;
  put(out, kListMagic);
  put(out, std::uint64_t{0});
  put(out, std::uint64_t{arrays.size()});
  bool named = false;
  for (const NdArray& array : arrays) {
    named = named || !array.name.empty();
    put(out, kV2);
    put(out, kDense);
    put(out, static_cast<std::uint32_t>(array.shape.size()));
    if (array.shape.empty()) continue;  // nothing follows
    for (const std::uint64_t extent : array.shape) put(out, extent);
    put(out, kCpu);
    put(out, std::int32_t{0});
    put(out, std::int32_t{0});  // float32
    out.append(reinterpret_cast<const char*>(array.values.data()), array.values.size() * sizeof(float));
  }
  put(out, std::uint64_t{named ? arrays.size() : 0});
  for (const NdArray& array : arrays) {
    if (!named) break;
    put(out, std::uint64_t{array.name.size()});
    out += array.name;
  }
  return out;
}

Result<std::vector<NdArray>> read_ndarrays(std::string_view bytes) {
  if (!is_ndarray_file(bytes)) return refuse("it is no file of MXNet's arrays");
  Reader in(bytes);
  MR_TRY(in.take_bytes(2 * sizeof(std::uint64_t)));
  const auto count = MR_TRY(in.take<std::uint64_t>());
  if (count > kMaxArrays) return refuse(fmt::format("it holds more than {} arrays", kMaxArrays));
  std::vector<NdArray> arrays;
  for (std::uint64_t i = 0; i < count; ++i) arrays.push_back(MR_TRY(read_array(in)));
  const auto names = MR_TRY(in.take<std::uint64_t>());
  if (names != 0 && names != count) return refuse("it has not as many names as arrays");
  for (std::uint64_t i = 0; i < names; ++i) {
    const auto length = MR_TRY(in.take<std::uint64_t>());
    arrays[i].name = MR_TRY(in.take_bytes(length));
  }
  return arrays;
}

}  // namespace millrace::sagemaker::built_in
