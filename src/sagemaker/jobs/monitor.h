#pragma once
// The schedules of monitoring: starts each one's executions when they are due. An execution is a processing job, or
// failed where none can be made. One that was due while the server was down is started at the next start, once.

#include <map>
#include <memory>
#include <string>

#include "base/mutex.h"
#include "sagemaker/jobs/execution.h"
#include "sagemaker/jobs/jobs.h"

namespace millrace::sagemaker {

inline constexpr std::size_t kMaxSchedules = 100;

class Monitor {
 public:
  Monitor(Dependencies& dependencies, Jobs& jobs, const Execution& execution);
  void poke(const std::string& schedule);  // made, changed, started; never blocks
  Status resume();
  void stop();
  KeyedQueue& queue() { return *queue_; }  // for simulations, which give the turns

  // When it is to be executed next; nothing: stopped, or done.
  static Status set_next(Resource& schedule, Time now);

 private:
  void look(const std::string& name);
  Status execute(const Resource& schedule, Time due);
  Result<Resource> job_of(const Resource& schedule, Time due);
  Result<Value> definition_of(const Resource& schedule);

  Dependencies& dependencies_;
  Jobs& jobs_;
  const Execution& execution_;
  Mutex mutex_;
  std::map<std::string, Timers::Timer> timers_ MR_GUARDED_BY(mutex_);
  std::unique_ptr<KeyedQueue> queue_;  // last: its thread ends before the rest goes
};

}  // namespace millrace::sagemaker
