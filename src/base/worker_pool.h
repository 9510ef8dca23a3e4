#pragma once
// A bounded pool of threads with a bounded queue.

#include <cstddef>
#include <functional>
#include <memory>

#include "base/thread_name.h"

namespace millrace {

class WorkerPool {
 public:
  // `name`: of its threads.
  WorkerPool(std::size_t threads, std::size_t queue_limit, ThreadName name = "pool");
  ~WorkerPool();  // stop()
  // false when the queue is full or the pool is stopping; the task is then not run.
  bool submit(std::function<void()> task);
  // Runs what is queued, then joins. Idempotent.
  void stop();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace millrace
