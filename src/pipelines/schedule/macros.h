#pragma once
// What may stand in a run's parameters for what is known only when it starts:
//   [[RunUUID]]  [[Index]]  [[ScheduledTime]]  [[CurrentTime]]            times as 20060102150405
//   [[ScheduledTime.2006-01-02]]                                          a layout of Go's package time
//   {{$.scheduledTime.strftime('%Y-%m-%d')}}  {{$.currentTime.strftime('%s')}}
// in UTC. What cannot be filled in, is misspelt or has a format that is none is left as it stands. Source:
// kubeflow/pipelines backend/src/common/util/parameter_formatter.go. Pure.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/time.h"
#include "base/value.h"

namespace millrace::pipelines::schedule {

struct Macros {
  std::string run_id;
  Time now{};
  std::optional<Time> scheduled;      // of a recurring run's runs
  std::optional<std::int64_t> index;  // 1, 2, 3… of them
};

std::string expand(std::string_view text, const Macros& macros);
// The same in every string in a value, at any depth; names of members are left alone.
Value expand(const Value& value, const Macros& macros);

// A time in UTC by a layout of Go's (package time, Constants): "Mon Jan _2 15:04:05 MST 2006".
std::string format_layout(Time time, std::string_view layout);
// By conversions of C's strftime as Go's lestrrat-go/strftime has them, with %s; %-d is one without its padding. None:
// there is one that is not known.
std::optional<std::string> format_strftime(Time time, std::string_view format);

}  // namespace millrace::pipelines::schedule
