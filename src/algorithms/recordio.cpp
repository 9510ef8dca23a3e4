#include "algorithms/recordio.h"

#include <cstring>

#include "algorithms/record_frames.h"
#include "algorithms/record_message.h"

namespace millrace::algorithms {
namespace {

using namespace record;

// One record's feature as a dense row.
const char* add_row(const Tensor& tensor, std::size_t wanted, RecordRows& out) {
  const std::size_t count = tensor.count();
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
    const auto value = static_cast<float>(tensor.at(i));
    std::memcpy(row.data() + place * sizeof(float), &value, sizeof value);
  }
  out.owned.push_back(std::move(row));
  out.rows.push_back(out.owned.back().data());
  return nullptr;
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
          const std::size_t count = tensor.keys.empty()    ? tensor.count()
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
      std::vector<float> values(tensor.count());
      for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(tensor.at(i));
      labels.emplace_back(std::string(entry.key), std::move(values));
    }
    return {};
  });
  if (!done) return tl::unexpected(done.error());
  return out;
}

}  // namespace millrace::algorithms
