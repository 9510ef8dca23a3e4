#pragma once
// What an algorithm answers for the records of a request, and its forms on the wire (developer guide, "Common Data
// Formats for Inference").

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/value.h"

namespace millrace::sagemaker::built_in {

struct Prediction {
  struct Column {
    std::string_view name;      // "score"
    std::vector<float> values;  // width values for each record
    std::size_t width = 1;
    bool list = false;  // shown as a list even where width is 1
  };
  std::string_view list_name = "predictions";  // of the JSON document's one member
  std::size_t records = 0;
  std::vector<Column> columns{};  // in the order they are shown
};

// `type`: one of the four of content_type.h. Lines end in a newline, the last one too.
std::string write_prediction(std::string_view type, const Prediction& prediction);
// One record's answer: as an object, and as CSV cells.
Value answer_of(const Prediction& prediction, std::size_t record);
std::vector<std::string> cells_of(const Prediction& prediction, std::size_t record);

// The first of an Accept header's types that is among `types`; `fallback` when it is empty or takes anything.
// Errors: unimplemented.
Result<std::string_view> choose_response_type(std::string_view accept, std::string_view fallback,
                                              std::span<const std::string_view> types);

}  // namespace millrace::sagemaker::built_in
