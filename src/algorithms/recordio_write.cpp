#include <cstring>

#include "algorithms/recordio.h"

namespace millrace::algorithms {
namespace {

void put_varint(std::string& out, std::uint64_t number) {
  for (; number > 127; number >>= 7) out.push_back(static_cast<char>(static_cast<unsigned char>(number | 128)));
  out.push_back(static_cast<char>(static_cast<unsigned char>(number)));
}

std::size_t varint_size(std::uint64_t number) {
  std::size_t size = 1;
  for (; number > 127; number >>= 7) ++size;
  return size;
}

std::size_t delimited_size(std::size_t payload) { return 1 + varint_size(payload) + payload; }

// Map entry `number`: key -> Value { float32_tensor { values (packed) } }
void put_tensor_entry(std::string& out, unsigned number, std::string_view key, std::span<const float> values) {
  const std::size_t packed = values.size_bytes();
  const std::size_t tensor = packed == 0 ? 0 : delimited_size(packed);
  const std::size_t value = delimited_size(tensor);
  const auto tag = [&](unsigned field, std::size_t size) {
    out.push_back(static_cast<char>(field << 3 | 2));
    put_varint(out, size);
  };
  tag(number, delimited_size(key.size()) + delimited_size(value));
  tag(1, key.size());
  out.append(key);
  tag(2, value);
  tag(2, tensor);
  if (packed != 0) {
    tag(1, packed);
    out.append(reinterpret_cast<const char*>(values.data()), packed);
  }
}

std::size_t open_frame(std::string& out) {
  const std::uint32_t magic = kRecordIoMagic;
  out.append(reinterpret_cast<const char*>(&magic), 4);
  out.append(4, '\0');
  return out.size();
}

void close_frame(std::string& out, std::size_t start) {
  const auto length = static_cast<std::uint32_t>(out.size() - start);
  std::memcpy(out.data() + start - 4, &length, 4);
  out.append((4 - length % 4) % 4, '\0');
}

}  // namespace

void write_record(std::string& out, std::span<const float> features, const float* label) {
  const std::size_t start = open_frame(out);
  put_tensor_entry(out, 1, "values", features);
  if (label != nullptr) put_tensor_entry(out, 2, "values", {label, 1});
  close_frame(out, start);
}

void write_label_record(std::string& out,
                        const std::vector<std::pair<std::string_view, std::span<const float>>>& labels) {
  const std::size_t start = open_frame(out);
  for (const auto& [key, values] : labels) put_tensor_entry(out, 2, key, values);
  close_frame(out, start);
}

}  // namespace millrace::algorithms
