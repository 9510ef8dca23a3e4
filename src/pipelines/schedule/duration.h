#pragma once
// Lengths of time as Go writes them: "1h30m", "1.5h", "90s", "300ms". Source: Go's package time, ParseDuration. Pure.

#include <string_view>

#include "base/result.h"
#include "base/time.h"

namespace millrace::pipelines::schedule {

// Parts of a millisecond are dropped. Errors: invalid_argument, also for more than 290 years, which is Go's limit.
Result<Millis> parse_duration(std::string_view text);

}  // namespace millrace::pipelines::schedule
