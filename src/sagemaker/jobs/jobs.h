#pragma once
// The shell around the jobs: looks at how a job is (its row, its child), does the next step (machine.h), again and
// again until it has ended. Every step may be done twice without harm, so a killed server just looks again.

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "sagemaker/jobs/execution.h"
#include "sagemaker/jobs/job_kind.h"
#include "sagemaker/jobs/log_follower.h"

namespace millrace::sagemaker {

class Jobs {
 public:
  Jobs(Dependencies& dependencies, LogFollower& follower, const Execution& execution);
  ~Jobs();                                        // stop()
  void poke(Kind kind, const std::string& name);  // something may be to do; never blocks
  // A job's program ended; false: not a job's key.
  bool on_end(const std::string& key);
  // Goes on with what was under way; cleans up after what has ended.
  Status resume();
  void stop();
  std::vector<KeyedQueue*> queues();  // for simulations, which give the turns

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

inline constexpr std::string_view kJobKeys = "sagemaker/";  // what all keys begin with, those of model servers too
// "sagemaker/training-job/<name>/<its creation in milliseconds>"
std::string job_key(const Resource& job);
// "training-job/<name in lower case>": what the queues call it.
std::string poke_name(Kind kind, std::string_view name);
// Failures of the server's own parts: worth another try. The customer's (a missing bucket, a refused role) are not.
bool is_ours(const Error& error);

}  // namespace millrace::sagemaker
