#pragma once
// Work of a run, one at a time and in order: at once, or by a timer.

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "base/keyed_queue.h"
#include "base/timers.h"
#include "pipelines/runner/active_run.h"

namespace millrace::pipelines::runner {

using Run = std::shared_ptr<ActiveRun>;

// Copies share the queue, so that an answer which comes when the runner is gone still finds one: it is stopped then,
// and drops the work.
class RunQueue {
 public:
  RunQueue(const Clock& clock, Timers& timers, std::shared_ptr<KeyedQueue> queue)
      : clock_(clock), timers_(timers), queue_(std::move(queue)) {}

  // false: the server stops, and the work is dropped.
  bool post(const std::string& run_id, KeyedQueue::Work work) const { return queue_->post(run_id, std::move(work)); }
  bool post(const Run& run, KeyedQueue::Work work) const { return post(run->record().id, std::move(work)); }
  // Of a run that may be gone from memory by then: nothing is done then.
  void post(const std::weak_ptr<ActiveRun>& weak, std::function<void(const Run&)> work) const {
    if (const Run run = weak.lock()) post(run, [run, work = std::move(work)] { work(run); });
  }
  [[nodiscard]] Timers::Timer at(Time due, const Run& run, std::function<void(const Run&)> call) const {
    return timers_.timer_at(
        due, [queue = *this, weak = std::weak_ptr(run), call = std::move(call)] { queue.post(weak, call); });
  }

  Time now() const { return clock_.now(); }
  engine::Event event(engine::Event::Kind kind, const std::string& path = {}, int attempt = 0) const {
    engine::Event event;
    event.kind = kind;
    event.at = now();
    event.path = path;
    event.attempt = attempt;
    return event;
  }

 private:
  const Clock& clock_;
  Timers& timers_;
  std::shared_ptr<KeyedQueue> queue_;
};

}  // namespace millrace::pipelines::runner
