#pragma once
// Calls at a time to come, on one thread of its own.

#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <thread>

#include "base/time.h"

namespace millrace::pipelines::runner {

class Alarms {
 public:
  explicit Alarms(const Clock& clock) : clock_(clock), thread_([this] { loop(); }) {}
  ~Alarms() { stop(); }
  void at(Time due, std::function<void()> call);
  void stop();  // what is not due is dropped

 private:
  void loop();

  const Clock& clock_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::multimap<Time, std::function<void()>> alarms_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace millrace::pipelines::runner
