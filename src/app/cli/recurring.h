#pragma once
// Recurring runs as text.

#include <string>

#include "base/value.h"

namespace millrace::app {

std::string recurring_state(const Value& recurring);  // "enabled", "disabled"
std::string schedule_text(const Value& recurring);    // "0 30 2 * * * (Europe/Berlin)", "every 1 h 00 m"
// The next times that it runs at, of kTimesShown at most; "none" where there are none. Of a disabled one, those that it
// would run at.
std::string next_times(const Value& recurring);

}  // namespace millrace::app
