#pragma once
// Work in order for each key, in parallel across keys, on a few threads. What has gathered for a key is done in one go,
// and `after` is called once for all of it: what many works change can be stored at once.

#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <string>

#include "base/worker_pool.h"

namespace millrace::pipelines::runner {

class Strands {
 public:
  using After = std::function<void(const std::string& key)>;
  Strands(std::size_t threads, After after);
  ~Strands() { stop(); }
  // false once stopped: the work is then not done.
  bool post(const std::string& key, std::function<void()> work);
  // Ends what is under way; what waits is dropped. Idempotent.
  void stop();

 private:
  void run_some(const std::string& key);

  const After after_;
  std::mutex mutex_;
  std::map<std::string, std::deque<std::function<void()>>> queues_;  // present while a thread has or will have the key
  bool stopping_ = false;
  WorkerPool pool_;
};

}  // namespace millrace::pipelines::runner
