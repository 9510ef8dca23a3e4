#include "sagemaker/algorithms/request_rows.h"

#include <fmt/core.h>
#include <simdjson.h>

#include <cmath>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>

#include "algorithms/csv.h"
#include "algorithms/recordio.h"
#include "base/strings.h"
#include "sagemaker/algorithms/content_type.h"

namespace millrace::sagemaker::built_in {
namespace {

using simdjson::dom::element;

// What one request may hold once it is dense; a sparse JSON row of a few bytes can name a long one.
constexpr std::size_t kMaxRequestValues = std::size_t{1} << 28;

tl::unexpected<Error> refuse(std::string message) { return fail(Code::invalid_argument, std::move(message)); }

tl::unexpected<Error> wrong_dimension(std::size_t record, std::size_t features, std::size_t dim) {
  return refuse(fmt::format("Record {} has {} features, but the model expects {}", record, features, dim));
}

// Reads records one after another; `record` counts from 1, for the messages.
class JsonRows {
 public:
  explicit JsonRows(std::size_t dim) : dim_(dim) {}

  // An instance: {"features": T}, {"data": {"features": T}}, or T itself.
  Status add(element instance) {
    ++record_;
    if (rows_.size() + dim_ > kMaxRequestValues) return refuse("The request holds too many values");
    if (instance.is_array()) return tensor(instance);
    element found;
    if (instance["features"].get(found) == simdjson::SUCCESS) return tensor(found);
    if (instance["data"].get(found) == simdjson::SUCCESS) {
      if (found.is_array()) return tensor(found);
      element features;
      if (found["features"].get(features) == simdjson::SUCCESS) return tensor(features);
      simdjson::dom::object members;
      if (found.get(members) == simdjson::SUCCESS && members.size() == 1) return tensor((*members.begin()).value);
    }
    return refuse(
        fmt::format("Record {} has no features; write it as {{\"features\": [...]}} or "
                    "{{\"data\": {{\"features\": {{\"values\": [...]}}}}}}",
                    record_));
  }
  std::vector<float> take() { return std::move(rows_); }

 private:
  Status number(element from, float& out) const {
    double value = 0;
    if (from.get(value) != simdjson::SUCCESS)
      return refuse(fmt::format("Record {} holds what is not a number", record_));
    out = static_cast<float>(value);
    if (!std::isfinite(out)) return refuse(fmt::format("Record {} holds a number out of range", record_));
    return {};
  }

  // [numbers], or {"values": [numbers], "keys": [places], "shape": [dim]} whose keys may be missing or empty.
  Status tensor(element from) {
    simdjson::dom::array values, keys;
    if (from.get(values) == simdjson::SUCCESS) return dense(values);
    if (from["values"].get(values) != simdjson::SUCCESS) {
      return refuse(
          fmt::format("Record {}: its features must be a list of numbers, or an object with \"values\"", record_));
    }
    if (from["keys"].get(keys) != simdjson::SUCCESS || keys.size() == 0) return dense(values);
    const std::size_t start = rows_.size();
    rows_.resize(start + dim_);
    auto value = values.begin();
    for (const element key : keys) {
      std::uint64_t place = 0;
      if (key.get(place) != simdjson::SUCCESS || place >= dim_ || value == values.end()) {
        return refuse(
            fmt::format("Record {}: each of its keys must be a place below {} and have one value", record_, dim_));
      }
      MR_TRY(number(*value, rows_[start + place]));
      ++value;
    }
    if (value != values.end()) return refuse(fmt::format("Record {} has more values than keys", record_));
    return {};
  }

  Status dense(simdjson::dom::array values) {
    const std::size_t start = rows_.size();
    rows_.resize(start + dim_);
    std::size_t count = 0;
    for (const element value : values) {
      if (count < dim_) MR_TRY(number(value, rows_[start + count]));
      ++count;
    }
    if (count != dim_) return wrong_dimension(record_, count, dim_);
    return {};
  }

  std::size_t dim_;
  std::size_t record_ = 0;
  std::vector<float> rows_;
};

Result<element> parse(simdjson::dom::parser& parser, std::string_view text, std::string_view what) {
  element document;
  if (const auto error = parser.parse(text.data(), text.size()).get(document)) {
    return refuse(fmt::format("{} is not valid JSON: {}", what, simdjson::error_message(error)));
  }
  return document;
}

Result<std::vector<float>> read_json(std::string_view body, std::size_t dim) {
  simdjson::dom::parser parser;
  const element document = MR_TRY(parse(parser, body, "The request body"));
  simdjson::dom::array instances;
  if (document["instances"].get(instances) != simdjson::SUCCESS) {
    return refuse("The request body must be a JSON object with a list named \"instances\"");
  }
  JsonRows rows(dim);
  for (const element instance : instances) MR_TRY(rows.add(instance));
  return rows.take();
}

Result<std::vector<float>> read_json_lines(std::string_view body, std::size_t dim) {
  simdjson::dom::parser parser;
  JsonRows rows(dim);
  std::size_t number = 0;
  while (!body.empty()) {
    const std::size_t end = std::min(body.find('\n'), body.size());
    const std::string_view line = trim(body.substr(0, end));
    body.remove_prefix(std::min(end + 1, body.size()));
    ++number;
    if (line.empty()) continue;
    MR_TRY(rows.add(MR_TRY(parse(parser, line, fmt::format("Line {}", number)))));
  }
  return rows.take();
}

Result<std::vector<float>> read_csv_rows(std::string_view body, std::size_t dim) {
  auto table = algorithms::read_csv(body);
  if (!table) return refuse("The request body is not valid CSV: " + table.error().message);
  if (table->rows() != 0 && table->columns != dim) return wrong_dimension(1, table->columns, dim);
  return std::move(table->values);
}

Result<std::vector<float>> read_record_rows(std::string_view body, std::size_t dim) {
  const auto records = algorithms::read_records({reinterpret_cast<const std::uint8_t*>(body.data()), body.size()}, dim);
  if (!records) return refuse("The request body is not valid RecordIO-protobuf: " + records.error().message);
  if (records->rows.size() > kMaxRequestValues / dim) return refuse("The request holds too many values");
  std::vector<float> rows(records->rows.size() * dim);
  for (std::size_t i = 0; i < records->rows.size(); ++i) {
    std::memcpy(rows.data() + i * dim, records->rows[i], dim * sizeof(float));
  }
  for (const float value : rows) {
    if (!std::isfinite(value)) return refuse("The request holds a value that is not a finite number");
  }
  return rows;
}

}  // namespace

Result<std::vector<float>> read_request_rows(std::string_view content_type, std::string_view body, std::size_t dim) {
  using Reader = Result<std::vector<float>> (*)(std::string_view, std::size_t);
  constexpr std::pair<std::string_view, Reader> kReaders[] = {
      {kCsv, read_csv_rows}, {kJson, read_json}, {kJsonLines, read_json_lines}, {kRecordIo, read_record_rows}};
  const std::string type = parse_content_type(content_type).type;
  for (const auto& [name, reader] : kReaders) {
    if (type != name) continue;
    auto rows = reader(body, dim);
    if (rows && rows->empty()) return refuse("The request holds no records");
    return rows;
  }
  return fail(Code::unimplemented, fmt::format("Content type '{}' is not supported; use {}, {}, {} or {}", content_type,
                                               kCsv, kJson, kJsonLines, kRecordIo));
}

}  // namespace millrace::sagemaker::built_in
