#pragma once
// Values as Python writes them: what reads the published components' outputs reads ours.

#include <string>

#include "base/value.h"

namespace millrace::components {

// json.dumps(value): ", " and ": " between, everything beyond ASCII escaped.
std::string python_json(const Value& value);

// str(value): a text as it is, "True", "None", {'key': 'value'}, ['item'], 1.0.
std::string python_str(const Value& value);

}  // namespace millrace::components
