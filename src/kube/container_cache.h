#pragma once
// What the containers of tasks were given, for the runs that were asked for last: it never changes once an attempt has
// started, and costs a run's events to read.

#include <list>
#include <map>
#include <memory>
#include <string>

#include "base/mutex.h"
#include "pipelines/pipelines.h"

namespace millrace::kube {

class ContainerCache {
 public:
  static constexpr std::size_t kRuns = 4;
  using Container = std::shared_ptr<const pipelines::ContainerView>;
  // Of that attempt or a later one. Null: not known, as its run is gone or of another version of this program.
  Container find(pipelines::Pipelines& pipelines, const std::string& run_id, const std::string& pod, int attempt);

 private:
  struct Entry {
    int attempt = 0;
    Container container;
  };
  using Pods = std::map<std::string, Entry>;
  const Entry* known(const std::string& run_id, const std::string& pod, int attempt) MR_REQUIRES(mutex_);

  Mutex mutex_;
  std::list<std::pair<std::string, Pods>> runs_ MR_GUARDED_BY(mutex_);  // the one that was read last first
};

}  // namespace millrace::kube
