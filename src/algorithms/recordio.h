#pragma once
// RecordIO-protobuf, the format SageMaker's algorithms read and write ("Common Data Formats for Training").
// Frame (MXNet RecordIO): magic 0xced7230a, then a word whose upper 3 bits say which part of a split record this is
// (0 whole, 1 first, 2 middle, 3 last) and whose lower 29 bits give the length; the payload; padding to 4 bytes. Words
// are little-endian. Payload: a protobuf message aialgs.data.Record { map<string, Value> features = 1, label = 2;
// optional string uid = 3, metadata = 4, configuration = 5 }.

#include <cstddef>
#include <cstdint>
#include <deque>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace millrace::algorithms {

inline constexpr std::uint32_t kRecordIoMagic = 0xced7230a;
inline constexpr std::size_t kMaxRecordBytes = std::size_t{64} << 20;  // one record, all its parts
// Rows that are not dense float32 in place need memory of their own, at most so much of it: a sparse record of a few
// bytes can name a very long row.
inline constexpr std::size_t kMaxConvertedBytes = std::size_t{4} << 30;

// The records' features as dense float rows of one length.
struct RecordRows {
  std::size_t dim = 0;  // 0 when there are no records
  // Where each row's dim little-endian floats start: in the input, or in `owned`.
  std::vector<const std::uint8_t*> rows;
  std::deque<std::vector<std::uint8_t>> owned;
  std::size_t owned_bytes = 0;
};

// Reads every record of `bytes` (which must outlive the result). dense float32 features are pointed at where they
// stand; float64, int32 and sparse ones (keys and shape) are converted. `dim`: what each row must have; 0: what the
// first has. A record must hold one feature, or one named "values".
// Errors: invalid_argument, "record N (byte B): <what>".
Result<RecordRows> read_records(std::span<const std::uint8_t> bytes, std::size_t dim = 0);

// Appends one framed record with a dense float32 feature "values" and, when given, a label "values".
void write_record(std::string& out, std::span<const float> features, const float* label = nullptr);
// Appends one framed record without features and with these labels, each one float32 tensor.
void write_label_record(std::string& out,
                        const std::vector<std::pair<std::string_view, std::span<const float>>>& labels);

// One record's labels as floats, for reading predictions back.
Result<std::vector<std::vector<std::pair<std::string, std::vector<float>>>>> read_labels(
    std::span<const std::uint8_t> bytes);

// Splits the framed input after whole records so that each part is at most `max_bytes` (or one record).
// Errors: invalid_argument as above.
Result<std::vector<std::string_view>> split_records(std::string_view bytes, std::size_t max_bytes,
                                                    std::size_t max_records);

}  // namespace millrace::algorithms
