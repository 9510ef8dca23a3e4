#include "sagemaker/worker/transform_payload.h"

#include <fmt/core.h>

#include <algorithm>
#include <limits>

#include "algorithms/recordio.h"
#include "base/json.h"
#include "base/strings.h"

namespace millrace::sagemaker::worker {
namespace {

tl::unexpected<Error> too_large(std::size_t record, const TransformSpec& spec) {
  return fail(Code::invalid_argument,
              fmt::format("Record {} is larger than MaxPayloadInMB = {}", record, spec.max_payload_bytes >> 20));
}

Result<std::vector<Payload>> cut_lines(const TransformSpec& spec, std::string_view file) {
  std::vector<Payload> out;
  std::size_t start = 0, record = 0, first = 1;
  for (std::size_t at = 0; at < file.size();) {
    const std::size_t end = std::min(file.find('\n', at), file.size() - 1) + 1;
    const bool empty = trim(file.substr(at, end - at)).empty();
    if (!empty) ++record;
    if (end - at > spec.max_payload_bytes) return too_large(record, spec);
    if (spec.single_record) {
      if (!empty) out.push_back({file.substr(at, end - at), record});
    } else if (end - start > spec.max_payload_bytes) {
      out.push_back({file.substr(start, at - start), first});
      start = at;
      first = record;
    }
    at = end;
  }
  if (!spec.single_record && record >= first && start < file.size()) out.push_back({file.substr(start), first});
  return out;
}

Result<std::vector<Payload>> cut_records(const TransformSpec& spec, std::string_view file) {
  const std::size_t records = spec.single_record ? 1 : std::numeric_limits<std::size_t>::max();
  const auto parts = MR_TRY(algorithms::split_records(file, spec.max_payload_bytes, records));
  std::vector<Payload> out;
  for (const std::string_view part : parts) {
    if (part.size() > spec.max_payload_bytes) return too_large(out.size() + 1, spec);
    out.push_back({part, 0});
  }
  return out;
}

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  for (std::string_view line : split(text, '\n')) {
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (!trim(line).empty()) lines.push_back(line);
  }
  return lines;
}

// A CSV line's cells as they stand, quotes included.
std::vector<std::string_view> cells_of(std::string_view line) {
  std::vector<std::string_view> cells;
  bool quoted = false;
  std::size_t start = 0;
  for (std::size_t i = 0; i <= line.size(); ++i) {
    if (i == line.size() || (line[i] == ',' && !quoted)) {
      cells.push_back(line.substr(start, i - start));
      start = i + 1;
    } else if (line[i] == '"') {
      quoted = !quoted;
    }
  }
  return cells;
}

Status append_cells(std::string& out, const JsonPath& path, const std::vector<std::string_view>& cells) {
  const auto columns = MR_TRY(path.columns(cells.size()));
  for (std::size_t i = 0; i < columns.size(); ++i) {
    if (i != 0) out += ',';
    out += cells[columns[i]];
  }
  out += '\n';
  return {};
}

tl::unexpected<Error> not_as_many(std::size_t answers, std::size_t records) {
  return fail(
      Code::invalid_argument,
      fmt::format("The model answers {} records with {}, so that they cannot be joined or filtered", records, answers));
}

// Of a request that was made of the file's records: an algorithm's is in the plain form.
std::string_view request_type(const TransformSpec& spec, std::string_view plain) {
  return spec.algorithm != nullptr ? plain : std::string_view(spec.content_type);
}

Result<std::string> transform_csv(const TransformSpec& spec, const Predictor& model, std::string_view text) {
  const auto lines = lines_of(text);
  std::string request;
  for (const std::string_view line : lines) MR_TRY(append_cells(request, spec.input_filter, cells_of(line)));
  std::string answered = MR_TRY(model.predict(request_type(spec, kCsv), request));
  if (!spec.join && spec.output_filter.is_root()) return answered;
  const auto answers = lines_of(answered);
  if (answers.size() != lines.size()) return not_as_many(answers.size(), lines.size());
  std::string out;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const auto answer = cells_of(answers[i]);
    std::vector<std::string_view> cells;
    if (spec.join) cells = cells_of(lines[i]);
    cells.insert(cells.end(), answer.begin(), answer.end());
    MR_TRY(append_cells(out, spec.output_filter, cells));
  }
  return out;
}

// SageMaker's joined form: the result as a member of an object, or beside what is not one.
Value joined(const Value& input, Value result) {
  Value out = input;
  if (!input.is_object()) out = Value::object({{"SageMakerInput", input}});
  out.set("SageMakerOutput", std::move(result));
  return out;
}

Result<Value> parse_input(std::string_view text) {
  auto value = parse_json(text);
  if (!value) return fail(Code::invalid_argument, "The input is not valid JSON: " + value.error().message);
  return value;
}

Result<Value> parse_answer(std::string_view text) {
  auto value = parse_json(text);
  if (!value) return fail(Code::invalid_argument, "The model's answer is not valid JSON: " + value.error().message);
  return value;
}

Result<std::string> transform_json_lines(const TransformSpec& spec, const Predictor& model, std::string_view text) {
  std::vector<Value> inputs;
  std::string request;
  for (const std::string_view line : lines_of(text)) {
    inputs.push_back(MR_TRY(parse_input(line)));
    append_json(request, MR_TRY(spec.input_filter.select(inputs.back())));
    request += '\n';
  }
  std::string answered = MR_TRY(model.predict(request_type(spec, kJsonLines), request));
  if (!spec.join && spec.output_filter.is_root()) return answered;
  const auto answers = lines_of(answered);
  if (answers.size() != inputs.size()) return not_as_many(answers.size(), inputs.size());
  std::string out;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    Value whole = MR_TRY(parse_answer(answers[i]));
    if (spec.join) whole = joined(inputs[i], std::move(whole));
    append_json(out, MR_TRY(spec.output_filter.select(whole)));
    out += '\n';
  }
  return out;
}

Result<std::string> transform_json(const TransformSpec& spec, const Predictor& model, std::string_view text) {
  const Value input = MR_TRY(parse_input(text));
  std::string answered =
      MR_TRY(model.predict(request_type(spec, kJson), to_json(MR_TRY(spec.input_filter.select(input)))));
  if (!spec.join && spec.output_filter.is_root()) return answered;
  Value whole = MR_TRY(parse_answer(answered));
  if (spec.join) whole = joined(input, std::move(whole));
  return to_json(MR_TRY(spec.output_filter.select(whole)));
}

}  // namespace

Result<std::vector<Payload>> cut_payloads(const TransformSpec& spec, std::string_view file) {
  if (spec.split == TransformSpec::Split::line) return cut_lines(spec, file);
  if (spec.split == TransformSpec::Split::record_io) return cut_records(spec, file);
  if (file.size() > spec.max_payload_bytes) {
    return fail(Code::invalid_argument,
                fmt::format("The file is larger than MaxPayloadInMB = {}; set SplitType to have it split",
                            spec.max_payload_bytes >> 20));
  }
  std::vector<Payload> out;
  if (!file.empty()) out.push_back({file, 1});
  return out;
}

Result<std::string> transform_payload(const TransformSpec& spec, const Predictor& model, const Payload& payload) {
  if (!spec.processes()) return model.predict(spec.content_type, payload.bytes);
  if (spec.type == kCsv) return transform_csv(spec, model, payload.bytes);
  if (spec.type == kJsonLines) return transform_json_lines(spec, model, payload.bytes);
  return transform_json(spec, model, payload.bytes);
}

}  // namespace millrace::sagemaker::worker
