#pragma once
// Values as Python writes them: what reads the outputs of programs in Python reads ours.

#include <string>

#include "base/value.h"

namespace millrace {

// json.dumps(value): ", " and ": " between, everything beyond ASCII escaped.
std::string python_json(const Value& value);

// json.dumps(value, sort_keys=True, separators=(",", ":")).
std::string python_sorted_json(const Value& value);

// str(value): a text as it is, "True", "None", {'key': 'value'}, ['item'], 1.0.
std::string python_str(const Value& value);

// bool(value): false are None, False, 0, and what is empty.
bool python_truth(const Value& value);

}  // namespace millrace
