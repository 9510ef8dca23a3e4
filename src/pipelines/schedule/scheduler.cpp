#include "pipelines/schedule/scheduler.h"

#include <algorithm>

#include "base/log.h"
#include "pipelines/schedule/trigger.h"

namespace millrace::pipelines::schedule {

void Scheduler::begin() {
  begun_ = true;
  wake();
}

void Scheduler::stop() {
  stopping_ = true;
  queue_.stop();
  next_.cancel();
}

void Scheduler::wake() {
  if (begun_) queue_.poke("due");
}

void Scheduler::round() {
  if (!refreshed_) {
    const Status fresh = database_.write([&](db::Connection& connection) { return refresh_due(connection, zone_); });
    refreshed_ = fresh.has_value();
    if (!fresh) log::error("when recurring runs are due is not known: {}", fresh.error().message);
  }
  const auto again = run_due();
  next_.cancel();
  if (again && !stopping_) next_ = timers_.timer_at(*again, [this] { wake(); });
}

std::optional<Time> Scheduler::run_due() {
  const Time now = clock_.now();
  std::vector<std::string> ids;
  std::optional<Time> again;
  const auto at = [&](Time time) { again = again ? std::min(*again, time) : time; };
  const auto unread = [&](const Status& read) {
    if (read) return;
    log::error("recurring runs cannot be read: {}", read.error().message);
    at(now + kFirstRetry);
  };
  unread(database_.read([&](db::Connection& connection) -> Status {
    ids = MR_TRY(due_recurring(connection, now));
    return {};
  }));
  std::erase_if(failures_,
                [&](const auto& entry) { return std::find(ids.begin(), ids.end(), entry.first) == ids.end(); });
  for (const std::string& id : ids) {
    if (stopping_) return std::nullopt;
    if (const auto failure = failures_.find(id); failure != failures_.end() && failure->second.again > now) {
      at(failure->second.again);
      continue;
    }
    const auto more = run_due_of(id, now);
    if (!more) {
      failed(id, more.error(), now);
      at(failures_[id].again);
      continue;
    }
    failures_.erase(id);
    if (*more) at(now);
  }
  // After the runs were started: only now it is known when their next ones are due.
  unread(database_.read([&](db::Connection& connection) -> Status {
    if (const auto next = MR_TRY(next_due(connection, now))) at(*next);
    return {};
  }));
  return again;
}

Result<bool> Scheduler::run_due_of(const std::string& id, Time now) {
  for (int started = 0;; ++started) {
    std::optional<RecurringRun> recurring;
    std::int64_t under_way = 0;
    MR_TRY(database_.read([&](db::Connection& connection) -> Status {
      recurring = MR_TRY(find_recurring(connection, id));
      under_way = MR_TRY(count_under_way(connection, id));
      return {};
    }));
    // Where no more may run side by side, the end of one wakes us.
    if (!recurring || !recurring->enabled || !recurring->due || *recurring->due > now ||
        under_way >= recurring->max_concurrency)
      return false;
    // Runs that end as fast as they are started do not keep the others waiting.
    if (started >= recurring->max_concurrency) return true;
    recurring->zone = zone_;
    const Trigger trigger = MR_TRY(read_trigger(recurring->trigger, zone_));
    Tick tick{recurring->last_index + 1, *recurring->due, now};
    if (recurring->no_catchup) tick.scheduled = without_catchup(trigger, tick.scheduled, now);
    const Status status = start_(*recurring, tick, [&](db::Connection& connection) {
      return take_index(connection, *recurring, tick.index, tick.scheduled);
    });
    if (status) continue;
    if (status.error().code == Code::aborted) return true;  // disabled or deleted meanwhile
    return fail(status.error());
  }
}

void Scheduler::failed(const std::string& id, const Error& error, Time now) {
  Failure& failure = failures_[id];
  failure.wait = failure.wait == Millis(0) ? kFirstRetry : std::min(failure.wait * 2, kLastRetry);
  failure.again = now + failure.wait;
  log::warn("recurring run {}: its next run cannot be started: {}", id, error.message);
  const Status noted = database_.write([&](db::Connection& connection) { return note_error(connection, id, error); });
  if (!noted) log::error("recurring run {}: {}", id, noted.error().message);
}

}  // namespace millrace::pipelines::schedule
