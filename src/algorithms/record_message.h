#pragma once
// The protobuf messages of RecordIO-protobuf (aialgs.data), read by hand from the wire format: exactly the fields that
// are needed, in place, without allocation for a dense record. A message that breaks the format's rules is named by a
// sentence, never trusted.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace millrace::algorithms::record {

using Bytes = std::span<const std::uint8_t>;

inline constexpr std::size_t kMaxDim = 1u << 20;  // values of one tensor

struct Field {
  std::uint32_t number = 0;
  unsigned type = 0;        // 0 varint, 1 eight bytes, 2 length-delimited, 5 four bytes
  std::uint64_t value = 0;  // of a varint
  Bytes bytes;              // of the others
};
// Takes the next field off `in`. False: malformed.
bool read_field(Bytes& in, Field& field);

struct Tensor {
  enum class Type { none, float32, float64, int32 };
  Type type = Type::none;
  // The values where they stand, when they are one packed run; otherwise collected.
  Bytes packed;
  std::vector<std::uint8_t> collected;  // of the element's own type
  std::vector<std::uint64_t> keys, shape;

  Bytes values() const { return collected.empty() ? packed : Bytes(collected); }
  std::size_t count() const { return values().size() / (type == Type::float64 ? 8 : 4); }
  double at(std::size_t i) const;
};

struct Entry {  // of a map<string, Value>
  std::string_view key;
  Bytes value;
};

// These return what is wrong, or null.
const char* read_entry(Bytes in, Entry& entry);
// Value { oneof: Float32Tensor float32_tensor = 2; Float64Tensor float64_tensor = 3; Int32Tensor int32_tensor = 7;
// Bytes bytes = 9 }
const char* read_value(Bytes in, Tensor& tensor);
// A Record's one feature, or the one named "values".
const char* read_features(Bytes in, Tensor& tensor);

}  // namespace millrace::algorithms::record
