#pragma once
// Recurring runs as text.

#include <string>

#include "base/value.h"

namespace millrace::app {

std::string recurring_state(const Value& recurring);  // "enabled", "disabled"
// "0 30 2 * * * (Europe/Berlin)", "every 1 h 00 m". `zone`: the server's, of a cron that names none.
std::string schedule_text(const Value& recurring, const std::string& zone = "UTC");
// The next times that it runs at, of kTimesShown at most; "none" where there are none. Of a disabled one, those that it
// would run at.
std::string next_times(const Value& recurring, const std::string& zone = "UTC");
// The server's, as its health has it.
std::string cron_time_zone(const Value& health);

}  // namespace millrace::app
