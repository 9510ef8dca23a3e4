#pragma once
// Starts the runs of recurring runs: each once, whatever dies. That the run with an index was started is stored in the
// transaction that stores the run, so there is nothing to find out after a crash. It looks when the first recurring run
// is due, a run ends or wake() says that something was changed.

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "base/keyed_queue.h"
#include "base/result.h"
#include "base/time.h"
#include "base/timers.h"
#include "db/database.h"
#include "pipelines/schedule/recurring_rows.h"

namespace millrace::pipelines::schedule {

// A run to be started.
struct Tick {
  std::int64_t index = 0;  // 1, 2, 3…
  Time scheduled{};        // what it is for
  Time now{};
};

class Scheduler {
 public:
  // Creates the run; `also` is to be part of its transaction.
  using Start = std::function<Status(const RecurringRun&, const Tick&, const db::Database::Work& also)>;

  // What could not be started is tried again after the first of these, then after twice as long, up to the second.
  static constexpr Millis kFirstRetry{10'000}, kLastRetry{360'000};  // upstream's

  // `timers` are stopped, or not run any more, before this ends.
  Scheduler(db::Database& database, const Clock& clock, Timers& timers, Start start)
      : database_(database), clock_(clock), timers_(timers), start_(std::move(start)) {}
  // By whose clocks those crons go that name no time zone; null: UTC. Set before begin() and before any request.
  void set_zone(std::shared_ptr<const TimeZone> zone) { zone_ = std::move(zone); }
  const std::shared_ptr<const TimeZone>& zone() const { return zone_; }
  ~Scheduler() { stop(); }

  void begin();  // from here on it looks by itself, on a thread of its own
  void stop();   // ends what is under way; idempotent
  void wake();

  // One round, on the thread, or in a test: starts what is due, of each recurring run as many as may run side by side.
  // When to look again where nothing wakes it; none: never.
  std::optional<Time> run_due();

 private:
  struct Failure {
    Millis wait{};
    Time again{};
  };
  // More of this one may be due. Errors: why the run could not be started.
  Result<bool> run_due_of(const std::string& id, Time now);
  void failed(const std::string& id, const Error& error, Time now);
  void round();

  db::Database& database_;
  const Clock& clock_;
  Timers& timers_;
  const Start start_;
  std::shared_ptr<const TimeZone> zone_;
  bool refreshed_ = false;                   // of the queue's thread: what is due follows from zone_
  std::map<std::string, Failure> failures_;  // by id; of the thread that calls run_due()
  std::atomic<bool> begun_ = false, stopping_ = false;
  Timers::Timer next_;                                                           // of the queue's thread
  KeyedQueue queue_{{1, "schedules"}, [this](const std::string&) { round(); }};  // one key
};

}  // namespace millrace::pipelines::schedule
