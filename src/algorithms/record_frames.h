#pragma once
// RecordIO's frames: see recordio.h.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "algorithms/record_message.h"
#include "algorithms/recordio.h"
#include "base/result.h"

namespace millrace::algorithms::record {

struct Frame {
  unsigned part = 0;  // 0 whole, 1 first, 2 middle, 3 last
  Bytes payload;
  std::size_t size = 0;  // with header and padding
};
// The frame at `at`. False: `what` says why.
bool read_frame(Bytes bytes, std::size_t at, Frame& frame, std::string& what);

// "record N (byte B): what", N from 1.
inline tl::unexpected<Error> bad_record(std::size_t record, std::size_t byte, std::string_view what) {
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

}  // namespace millrace::algorithms::record
