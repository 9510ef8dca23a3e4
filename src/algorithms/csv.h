#pragma once
// Tables of numbers as text: one row a line, commas between. Numbers are read to the nearest float32.

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace millrace::algorithms {

struct CsvTable {
  std::size_t columns = 0;    // 0 when there are no rows
  std::vector<float> values;  // rows of `columns`
  std::size_t rows() const { return columns == 0 ? 0 : values.size() / columns; }
};

// Every line must have the same number of columns (`columns` when not 0). Lines end in \n or \r\n; empty lines are
// skipped; blanks around a number are accepted, an empty cell is not.
// Errors: invalid_argument, "line L, column C: <what>".
Result<CsvTable> read_csv(std::string_view text, std::size_t columns = 0);

// The shortest text that reads back as the same float32, whole numbers with ".0" ("1.0", "0.5", "6.2541656").
void append_float(std::string& out, float value);

}  // namespace millrace::algorithms
