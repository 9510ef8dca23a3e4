#include "kube/container_cache.h"

#include <algorithm>
#include <utility>

namespace millrace::kube {

const ContainerCache::Entry* ContainerCache::known(const std::string& run_id, const std::string& pod, int attempt) {
  const auto run = std::ranges::find(runs_, run_id, &std::pair<std::string, Pods>::first);
  if (run == runs_.end()) return nullptr;
  const auto entry = run->second.find(pod);
  return entry != run->second.end() && entry->second.attempt >= attempt ? &entry->second : nullptr;
}

ContainerCache::Container ContainerCache::find(pipelines::Pipelines& pipelines, const std::string& run_id,
                                               const std::string& pod, int attempt) {
  {
    const MutexLock lock(mutex_);
    if (const Entry* entry = known(run_id, pod, attempt)) return entry->container;
  }
  auto containers = pipelines.containers(run_id);
  if (!containers) return nullptr;
  Pods pods;
  for (auto& view : *containers) {
    Entry& entry = pods[view.pod_name];
    entry.attempt = view.attempt;
    entry.container = std::make_shared<const pipelines::ContainerView>(std::move(view));
  }
  // One that is not among them is not looked for again.
  Entry& wanted = pods[pod];
  wanted.attempt = std::max(wanted.attempt, attempt);
  Container found = wanted.container;
  const MutexLock lock(mutex_);
  std::erase_if(runs_, [&](const auto& run) { return run.first == run_id; });
  runs_.emplace_front(run_id, std::move(pods));
  if (runs_.size() > kRuns) runs_.pop_back();
  return found;
}

}  // namespace millrace::kube
