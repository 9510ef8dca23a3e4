#pragma once
// What starts a recurring run's runs, and when. Source: kubeflow/pipelines backend/api/v2beta1/recurring_run.proto,
// backend/src/crd/controller/scheduledworkflow/util/{cron,periodic}_schedule.go. Times are whole seconds. Pure.

#include <cstdint>
#include <memory>
#include <optional>

#include "base/result.h"
#include "base/time.h"
#include "base/value.h"
#include "pipelines/schedule/cron.h"

namespace millrace::pipelines::schedule {

struct Trigger {
  std::optional<Cron> cron;
  std::int64_t interval_seconds = 0;  // periodic, where it is not 0. Neither: one run, at once
  std::optional<Time> start, end;
};

// The API's message, {"cron_schedule": {"cron", "start_time", "end_time"}} or {"periodic_schedule":
// {"interval_second", …}}; null or empty: none. Members in snake_case. `zone`: of a cron that names none; null: UTC.
// Errors: invalid_argument, in upstream's words.
Result<Trigger> read_trigger(const Value& message, std::shared_ptr<const TimeZone> zone = nullptr);

// The time of the next run: after `last`, the one before; where there was none, after the trigger's start, or else
// after `created`. So a start in the past is caught up with from there. None: it is over.
std::optional<Time> next_time(const Trigger& trigger, std::optional<Time> last, Time created);

// Without catching up: what the run that is due at `due`, not after `now`, is for instead. The last cron time; or,
// where a period has passed since, now (the end, where that has passed).
Time without_catchup(const Trigger& trigger, Time due, Time now);

}  // namespace millrace::pipelines::schedule
