#include "sagemaker/algorithms/prediction.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

#include "algorithms/csv.h"
#include "algorithms/recordio.h"
#include "base/strings.h"
#include "sagemaker/algorithms/content_type.h"
#include "sagemaker/algorithms/hyperparameters.h"

namespace millrace::sagemaker::built_in {
namespace {

constexpr std::size_t kBytesAValue = 32;  // of text, about

std::span<const float> values_of(const Prediction::Column& column, std::size_t record) {
  return {column.values.data() + record * column.width, column.width};
}

void append_value(std::string& out, const Prediction::Column& column, std::size_t record) {
  const auto values = values_of(column, record);
  const bool list = column.list || values.size() != 1;
  if (list) out += '[';
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (i != 0) out += ", ";
    algorithms::append_float(out, values[i]);
  }
  if (list) out += ']';
}

void append_object(std::string& out, const Prediction& prediction, std::size_t record) {
  out += '{';
  for (const auto& column : prediction.columns) {
    if (&column != prediction.columns.data()) out += ", ";
    out += '"';
    out += column.name;
    out += "\": ";
    append_value(out, column, record);
  }
  out += '}';
}

void append_csv(std::string& out, const Prediction& prediction, std::size_t record) {
  bool first = true;
  for (const auto& column : prediction.columns) {
    for (const float value : values_of(column, record)) {
      if (!std::exchange(first, false)) out += ',';
      algorithms::append_float(out, value);
    }
  }
}

void append_labels(std::string& out, const Prediction& prediction, std::size_t record) {
  std::vector<std::pair<std::string_view, std::span<const float>>> labels;
  for (const auto& column : prediction.columns) labels.emplace_back(column.name, values_of(column, record));
  algorithms::write_label_record(out, labels);
}

}  // namespace

std::string write_prediction(std::string_view type, const Prediction& prediction) {
  std::size_t values = 0;
  for (const auto& column : prediction.columns) values += column.values.size();
  std::string out;
  out.reserve((values + 1) * kBytesAValue);
  if (type == kJson) out += fmt::format("{{\"{}\": [", prediction.list_name);
  for (std::size_t i = 0; i < prediction.records; ++i) {
    if (type == kJson) {
      if (i != 0) out += ", ";
      append_object(out, prediction, i);
    } else if (type == kJsonLines) {
      append_object(out, prediction, i);
      out += '\n';
    } else if (type == kCsv) {
      append_csv(out, prediction, i);
      out += '\n';
    } else {
      append_labels(out, prediction, i);
    }
  }
  if (type == kJson) out += "]}";
  return out;
}

Value answer_of(const Prediction& prediction, std::size_t record) {
  Value answer = Value::object();
  for (const auto& column : prediction.columns) {
    const auto values = values_of(column, record);
    if (!column.list && values.size() == 1) {
      answer.set(column.name, static_cast<double>(values.front()));
      continue;
    }
    Value list = Value::array();
    for (const float value : values) list.push(static_cast<double>(value));
    answer.set(column.name, std::move(list));
  }
  return answer;
}

std::vector<std::string> cells_of(const Prediction& prediction, std::size_t record) {
  std::vector<std::string> cells;
  for (const auto& column : prediction.columns) {
    for (const float value : values_of(column, record)) {
      cells.emplace_back();
      algorithms::append_float(cells.back(), value);
    }
  }
  return cells;
}

Result<std::string_view> choose_response_type(std::string_view accept, std::string_view fallback,
                                              std::span<const std::string_view> types) {
  if (trim(accept).empty()) return fallback;
  const auto find = [&](std::string_view type) { return std::ranges::find(types, type); };
  for (const std::string_view part : split(accept, ',')) {
    const std::string type = parse_content_type(part).type;
    if (type == "*/*" || (type == "application/*" && fallback.starts_with("application/"))) return fallback;
    const auto found = find(type == "text/*" ? kCsv : std::string_view(type));
    if (found != types.end()) return *found;
  }
  return fail(Code::unimplemented, fmt::format("Accept '{}' is not supported; use {}", accept, one_of(types)));
}

}  // namespace millrace::sagemaker::built_in
