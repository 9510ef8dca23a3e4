#include "algorithms/record_frames.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace millrace::algorithms {
namespace record {
namespace {

static_assert(std::endian::native == std::endian::little, "the formats are little-endian and read in place");

constexpr std::uint32_t kLengthMask = (1u << 29) - 1;

std::uint32_t word_at(const std::uint8_t* at) {
  std::uint32_t word = 0;
  std::memcpy(&word, at, sizeof word);
  return word;
}

}  // namespace

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

}  // namespace record

Result<std::vector<std::string_view>> split_records(std::string_view text, std::size_t max_bytes,
                                                    std::size_t max_records) {
  const record::Bytes bytes(reinterpret_cast<const std::uint8_t*>(text.data()), text.size());
  std::vector<std::string_view> out;
  std::size_t part_start = 0, records = 0, record_start = 0, record = 0;
  for (std::size_t at = 0; at < bytes.size();) {
    record::Frame frame;
    std::string what;
    if (!record::read_frame(bytes, at, frame, what)) return record::bad_record(record, at, what);
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
