#pragma once
// Carries a tuning job on: starts its trials, each once, and closes it.

#include <functional>
#include <string>

#include "base/result.h"
#include "sagemaker/jobs/early_stopping.h"
#include "sagemaker/jobs/job_kind.h"

namespace millrace::sagemaker {

class Tuner {
 public:
  // `poke`: a job that has something to do now.
  // `history`: what a training job has printed of the objective so far.
  Tuner(Dependencies& dependencies, std::function<void(Kind, const std::string&)> poke,
        std::function<History(const Resource& trial)> history)
      : dependencies_(dependencies), poke_(std::move(poke)), history_(std::move(history)) {}
  // Never called twice at once for one name. May be called again at any time.
  Status drive(const std::string& name);
  // It cannot go on, for a reason of ours: it fails once its training jobs have been stopped.
  Status give_up(const std::string& name, const std::string& reason);

 private:
  Status launch(const Resource& tuning_job, std::vector<Resource> trials, std::size_t count, bool& exhausted);
  Status stop_trials(const std::vector<Resource>& trials);
  Status stop_trial(const Resource& trial);
  // Stops those that have fallen behind (early_stopping.h).
  Status judge(const Resource& tuning_job, const std::vector<Resource>& trials);
  Dependencies& dependencies_;
  std::function<void(Kind, const std::string&)> poke_;
  std::function<History(const Resource& trial)> history_;
};

}  // namespace millrace::sagemaker
