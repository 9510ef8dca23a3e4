#include "algorithms/record_message.h"

#include <cstring>

namespace millrace::algorithms::record {
namespace {

bool read_varint(Bytes& in, std::uint64_t& out) {
  out = 0;
  for (unsigned i = 0; i < 10 && i < in.size(); ++i) {
    const std::uint64_t byte = in[i];
    if (i == 9 && byte > 1) return false;
    out |= (byte & 127) << (7 * i);
    if (byte < 128) {
      in = in.subspan(i + 1);
      return true;
    }
  }
  return false;
}

std::size_t element_size(Tensor::Type type) { return type == Tensor::Type::float64 ? 8 : 4; }

bool read_varints(const Field& field, std::vector<std::uint64_t>& out, std::size_t limit) {
  if (field.type == 0) {
    out.push_back(field.value);
    return out.size() <= limit;
  }
  if (field.type != 2) return false;
  Bytes in = field.bytes;
  while (!in.empty()) {
    std::uint64_t value = 0;
    if (out.size() >= limit || !read_varint(in, value)) return false;
    out.push_back(value);
  }
  return true;
}

void collect(Tensor& tensor, Bytes bytes) {
  if (tensor.packed.empty() && tensor.collected.empty() && !bytes.empty()) {
    tensor.packed = bytes;
    return;
  }
  if (!tensor.packed.empty()) {
    tensor.collected.assign(tensor.packed.begin(), tensor.packed.end());
    tensor.packed = {};
  }
  tensor.collected.insert(tensor.collected.end(), bytes.begin(), bytes.end());
}

// Float32Tensor, Float64Tensor, Int32Tensor: values = 1, keys = 2, shape = 3. Null: well-formed.
const char* read_tensor(Bytes in, Tensor& tensor) {
  Field field;
  while (!in.empty()) {
    if (!read_field(in, field)) return "it is not a valid protobuf message";
    if (field.number == 1 && tensor.type == Tensor::Type::int32) {
      std::vector<std::uint64_t> numbers;
      if (!read_varints(field, numbers, kMaxDim)) return "its int32 values are malformed";
      std::vector<std::uint8_t> bytes(numbers.size() * 4);
      for (std::size_t i = 0; i < numbers.size(); ++i) {
        const auto number = static_cast<std::uint32_t>(numbers[i]);
        std::memcpy(bytes.data() + 4 * i, &number, 4);
      }
      if (tensor.collected.size() + bytes.size() > 4 * kMaxDim) return "it has too many values";
      tensor.collected.insert(tensor.collected.end(), bytes.begin(), bytes.end());
    } else if (field.number == 1) {
      const std::size_t size = element_size(tensor.type);
      if (field.type == 0 || field.bytes.size() % size != 0 || (field.type != 2 && field.bytes.size() != size)) {
        return "its values are malformed";
      }
      collect(tensor, field.bytes);
    } else if (field.number == 2) {
      if (!read_varints(field, tensor.keys, kMaxDim)) return "its keys are malformed";
    } else if (field.number == 3) {
      if (!read_varints(field, tensor.shape, 16)) return "its shape is malformed";
    }
  }
  return nullptr;
}

}  // namespace

bool read_field(Bytes& in, Field& field) {
  std::uint64_t key = 0;
  if (!read_varint(in, key) || (key >> 3) == 0 || (key >> 3) >= (1u << 29)) return false;
  field.number = static_cast<std::uint32_t>(key >> 3);
  field.type = static_cast<unsigned>(key & 7);
  std::uint64_t length = 0;
  switch (field.type) {
    case 0:
      field.bytes = {};
      return read_varint(in, field.value);
    case 1:
      length = 8;
      break;
    case 2:
      if (!read_varint(in, length)) return false;
      break;
    case 5:
      length = 4;
      break;
    default:
      return false;
  }
  if (length > in.size()) return false;
  field.bytes = in.first(static_cast<std::size_t>(length));
  in = in.subspan(static_cast<std::size_t>(length));
  return true;
}

double Tensor::at(std::size_t i) const {
  const std::uint8_t* at = values().data() + i * element_size(type);
  if (type == Tensor::Type::float64) {
    double value = 0;
    std::memcpy(&value, at, 8);
    return value;
  }
  if (type == Tensor::Type::int32) {
    std::int32_t value = 0;
    std::memcpy(&value, at, 4);
    return value;
  }
  float value = 0;
  std::memcpy(&value, at, 4);
  return static_cast<double>(value);
}

const char* read_value(Bytes in, Tensor& tensor) {
  Field field;
  while (!in.empty()) {
    if (!read_field(in, field)) return "it is not a valid protobuf message";
    Tensor::Type type = Tensor::Type::none;
    if (field.number == 2) type = Tensor::Type::float32;
    if (field.number == 3) type = Tensor::Type::float64;
    if (field.number == 7) type = Tensor::Type::int32;
    if (field.number == 9) return "it holds bytes where a tensor of numbers is needed";
    if (type == Tensor::Type::none) continue;  // fields of later versions
    if (field.type != 2) return "it is not a valid protobuf message";
    tensor = Tensor{};
    tensor.type = type;
    if (const char* what = read_tensor(field.bytes, tensor)) return what;
  }
  return tensor.type == Tensor::Type::none ? "it has no tensor of numbers" : nullptr;
}

const char* read_entry(Bytes in, Entry& entry) {
  Field field;
  while (!in.empty()) {
    if (!read_field(in, field)) return "it is not a valid protobuf message";
    if (field.type != 2) continue;
    if (field.number == 1) entry.key = {reinterpret_cast<const char*>(field.bytes.data()), field.bytes.size()};
    if (field.number == 2) entry.value = field.bytes;
  }
  return nullptr;
}

const char* read_features(Bytes in, Tensor& tensor) {
  Field field;
  Entry chosen;
  std::size_t features = 0;
  bool named = false;
  while (!in.empty()) {
    if (!read_field(in, field)) return "it is not a valid protobuf message";
    if (field.number != 1) continue;
    if (field.type != 2) return "it is not a valid protobuf message";
    Entry entry;
    if (const char* what = read_entry(field.bytes, entry)) return what;
    ++features;
    if (entry.key == "values" || !named) chosen = entry;
    named = named || entry.key == "values";
  }
  if (features == 0) return "it has no features";
  if (features > 1 && !named) return "it has several features and none is named \"values\"";
  return read_value(chosen.value, tensor);
}

}  // namespace millrace::algorithms::record
