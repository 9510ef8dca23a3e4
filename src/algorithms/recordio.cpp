#include "algorithms/recordio.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>

namespace millrace::algorithms {
namespace {

static_assert(std::endian::native == std::endian::little, "the formats are little-endian and read in place");

using Bytes = std::span<const std::uint8_t>;

constexpr std::uint32_t kLengthMask = (1u << 29) - 1;
constexpr std::size_t kMaxDim = 1u << 20;

std::uint32_t word_at(const std::uint8_t* at) {
  std::uint32_t word = 0;
  std::memcpy(&word, at, sizeof word);
  return word;
}

// ---- frames

struct Frame {
  unsigned part = 0;  // 0 whole, 1 first, 2 middle, 3 last
  Bytes payload;
  std::size_t size = 0;  // with header and padding
};

// Null: `what` says why.
bool read_frame(Bytes bytes, std::size_t at, Frame& frame, std::string& what) {
  if (bytes.size() - at < 8) {
    what = "the input ends inside a record's header";
    return false;
  }
  const std::uint32_t magic = word_at(bytes.data() + at);
  if (magic != kRecordIoMagic) {
    what = "this is not RecordIO: a record must start with the magic number 0xced7230a";
    return false;
  }
  const std::uint32_t header = word_at(bytes.data() + at + 4);
  const std::size_t length = header & kLengthMask;
  const std::size_t padded = (length + 3) / 4 * 4;
  if (bytes.size() - at - 8 < length) {
    what = "the input ends inside a record of " + std::to_string(length) + " bytes";
    return false;
  }
  frame.part = header >> 29;
  if (frame.part > 3) {
    what = "the record's header has an unknown flag";
    return false;
  }
  frame.payload = bytes.subspan(at + 8, length);
  frame.size = std::min(8 + padded, bytes.size() - at);  // the last record's padding may be missing
  return true;
}

// ---- protobuf

struct Field {
  std::uint32_t number = 0;
  unsigned type = 0;        // 0 varint, 1 eight bytes, 2 length-delimited, 5 four bytes
  std::uint64_t value = 0;  // of a varint
  Bytes bytes;              // of the others
};

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

// Takes the next field off `in`. False: malformed.
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

struct Tensor {
  enum class Type { none, float32, float64, int32 };
  Type type = Type::none;
  // The values where they stand, when they are one packed run; otherwise collected.
  Bytes packed;
  std::vector<std::uint8_t> collected;  // of the element's own type
  std::vector<std::uint64_t> keys, shape;

  Bytes values() const { return collected.empty() ? packed : Bytes(collected); }
};

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

// Value { oneof: Float32Tensor float32_tensor = 2; Float64Tensor float64_tensor = 3; Int32Tensor int32_tensor = 7;
// Bytes bytes = 9 }
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

struct Entry {
  std::string_view key;
  Bytes value;
};

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

double number_at(const Tensor& tensor, std::size_t i) {
  const std::uint8_t* at = tensor.values().data() + i * element_size(tensor.type);
  if (tensor.type == Tensor::Type::float64) {
    double value = 0;
    std::memcpy(&value, at, 8);
    return value;
  }
  if (tensor.type == Tensor::Type::int32) {
    std::int32_t value = 0;
    std::memcpy(&value, at, 4);
    return value;
  }
  float value = 0;
  std::memcpy(&value, at, 4);
  return static_cast<double>(value);
}

// One record's feature as a dense row.
const char* add_row(const Tensor& tensor, std::size_t wanted, RecordRows& out) {
  const std::size_t count = tensor.values().size() / element_size(tensor.type);
  const bool sparse = !tensor.keys.empty();
  std::size_t dim = count;
  if (sparse) {
    if (tensor.keys.size() != count) return "it has another number of keys than of values";
    if (!tensor.shape.empty()) {
      dim = 1;
      for (const std::uint64_t size : tensor.shape) {
        if (size == 0 || size > kMaxDim || dim * size > kMaxDim) return "its shape is out of range";
        dim *= static_cast<std::size_t>(size);
      }
    } else if (wanted != 0 || out.dim != 0) {
      dim = out.dim != 0 ? out.dim : wanted;
    } else {
      return "it is sparse and has no shape";
    }
  } else if (count == 0 && !tensor.shape.empty() && tensor.shape.back() <= kMaxDim) {
    dim = static_cast<std::size_t>(tensor.shape.back());  // a sparse row of zeros only
  }
  if (dim == 0 || dim > kMaxDim) return "it has no values, or too many";
  if (out.dim == 0) out.dim = wanted != 0 ? wanted : dim;
  if (dim != out.dim) return "";  // the caller names both numbers

  if (tensor.type == Tensor::Type::float32 && !sparse && !tensor.packed.empty()) {
    out.rows.push_back(tensor.packed.data());
    return nullptr;
  }
  out.owned_bytes += dim * sizeof(float);
  if (out.owned_bytes > kMaxConvertedBytes) return "its sparse rows need more than 4 GiB when made dense";
  std::vector<std::uint8_t> row(dim * sizeof(float));
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t place = sparse ? static_cast<std::size_t>(tensor.keys[i]) : i;
    if (place >= dim) return "one of its keys lies outside its shape";
    const auto value = static_cast<float>(number_at(tensor, i));
    std::memcpy(row.data() + place * sizeof(float), &value, sizeof value);
  }
  out.owned.push_back(std::move(row));
  out.rows.push_back(out.owned.back().data());
  return nullptr;
}

// Record.features: the one feature, or the one named "values".
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

tl::unexpected<Error> bad_record(std::size_t record, std::size_t byte, std::string_view what) {
  return fail(Code::invalid_argument,
              "record " + std::to_string(record + 1) + " (byte " + std::to_string(byte) + "): " + std::string(what));
}

// Calls visit(payload, in_place) for each whole record; parts of a split one are joined, with the magic number that
// the writer took out between them put back (MXNet splits where the payload itself holds it).
template <class Visit>
Status for_each_record(Bytes bytes, Visit visit) {
  std::size_t record = 0;
  std::vector<std::uint8_t> joined;
  bool inside = false;
  std::size_t start = 0;
  for (std::size_t at = 0; at < bytes.size();) {
    Frame frame;
    std::string what;
    if (!read_frame(bytes, at, frame, what)) return bad_record(record, at, what);
    if (inside != (frame.part >= 2)) return bad_record(record, at, "the parts of a split record are out of order");
    if (frame.part == 0) {
      if (frame.payload.size() > kMaxRecordBytes) return bad_record(record, at, "it is larger than 64 MiB");
      if (const auto done = visit(frame.payload, true, record, at); !done) return tl::unexpected(done.error());
      ++record;
    } else {
      if (frame.part == 1) {
        start = at;
        joined.clear();
      } else {
        const std::uint32_t magic = kRecordIoMagic;
        const auto* raw = reinterpret_cast<const std::uint8_t*>(&magic);
        joined.insert(joined.end(), raw, raw + 4);
      }
      if (joined.size() + frame.payload.size() > kMaxRecordBytes) {
        return bad_record(record, start, "it is larger than 64 MiB");
      }
      joined.insert(joined.end(), frame.payload.begin(), frame.payload.end());
      inside = frame.part != 3;
      if (!inside) {
        if (const auto done = visit(Bytes(joined), false, record, start); !done) return tl::unexpected(done.error());
        ++record;
      }
    }
    at += frame.size;
  }
  if (inside) return bad_record(record, start, "the input ends inside a split record");
  return {};
}

// The layout every dense writer produces: when a record equals the one before it byte for byte outside its numbers,
// its numbers stand at the same place. Learned from a record that was read in full.
struct Layout {
  std::size_t payload = 0, offset = 0;
  std::vector<std::uint8_t> head;  // what stands before the numbers

  void learn(Bytes record, const std::uint8_t* row) {
    payload = record.size();
    offset = static_cast<std::size_t>(row - record.data());
    head.assign(record.begin(), record.begin() + static_cast<std::ptrdiff_t>(offset));
  }
  bool fits(Bytes record) const {
    return record.size() == payload && offset != 0 && std::memcmp(record.data(), head.data(), offset) == 0;
  }
};

// True when nothing that follows the numbers is another feature: only then may the rest go unread.
bool only_labels_follow(Bytes rest) {
  Field field;
  while (!rest.empty()) {
    if (!read_field(rest, field) || field.number == 1) return false;
  }
  return true;
}

}  // namespace

Result<RecordRows> read_records(std::span<const std::uint8_t> bytes, std::size_t dim) {
  RecordRows out;
  Layout layout;
  const Status done =
      for_each_record(bytes, [&](Bytes payload, bool in_place, std::size_t record, std::size_t at) -> Status {
        if (in_place && layout.fits(payload) && only_labels_follow(payload.subspan(layout.offset + out.dim * 4))) {
          out.rows.push_back(payload.data() + layout.offset);
          return {};
        }
        if (!in_place) {  // the numbers must outlive the joined parts
          out.owned.emplace_back(payload.begin(), payload.end());
          out.owned_bytes += payload.size();
          payload = out.owned.back();
        }
        Tensor tensor;
        if (const char* what = read_features(payload, tensor)) return bad_record(record, at, what);
        if (const char* what = add_row(tensor, dim, out)) {
          if (*what != 0) return bad_record(record, at, what);
          const std::size_t count = tensor.keys.empty()    ? tensor.values().size() / element_size(tensor.type)
                                    : tensor.shape.empty() ? 0
                                                           : tensor.shape.back();
          return bad_record(
              record, at,
              "it has " + std::to_string(count) + " features where " + std::to_string(out.dim) + " are expected");
        }
        const std::uint8_t* row = out.rows.back();
        if (in_place && row >= payload.data() && row + out.dim * 4 <= payload.data() + payload.size()) {
          layout.learn(payload, row);
        }
        return {};
      });
  if (!done) return tl::unexpected(done.error());
  return out;
}

// ---- writing

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

Result<std::vector<std::vector<std::pair<std::string, std::vector<float>>>>> read_labels(
    std::span<const std::uint8_t> bytes) {
  std::vector<std::vector<std::pair<std::string, std::vector<float>>>> out;
  const Status done = for_each_record(bytes, [&](Bytes payload, bool, std::size_t record, std::size_t at) -> Status {
    auto& labels = out.emplace_back();
    Field field;
    while (!payload.empty()) {
      if (!read_field(payload, field)) return bad_record(record, at, "it is not a valid protobuf message");
      if (field.number != 2 || field.type != 2) continue;
      Entry entry;
      Tensor tensor;
      if (const char* what = read_entry(field.bytes, entry)) return bad_record(record, at, what);
      if (const char* what = read_value(entry.value, tensor)) return bad_record(record, at, what);
      std::vector<float> values(tensor.values().size() / element_size(tensor.type));
      for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(number_at(tensor, i));
      labels.emplace_back(std::string(entry.key), std::move(values));
    }
    return {};
  });
  if (!done) return tl::unexpected(done.error());
  return out;
}

Result<std::vector<std::string_view>> split_records(std::string_view text, std::size_t max_bytes,
                                                    std::size_t max_records) {
  const Bytes bytes(reinterpret_cast<const std::uint8_t*>(text.data()), text.size());
  std::vector<std::string_view> out;
  std::size_t part_start = 0, records = 0, record_start = 0, record = 0;
  for (std::size_t at = 0; at < bytes.size();) {
    Frame frame;
    std::string what;
    if (!read_frame(bytes, at, frame, what)) return bad_record(record, at, what);
    if (frame.part <= 1) record_start = at;
    at += frame.size;
    if (frame.part == 1 || frame.part == 2) continue;
    ++record;
    if (records != 0 && (at - part_start > max_bytes || records == max_records)) {
      out.push_back(text.substr(part_start, record_start - part_start));
      part_start = record_start;
      records = 0;
    }
    ++records;
  }
  if (part_start < text.size()) out.push_back(text.substr(part_start));
  return out;
}

}  // namespace millrace::algorithms
