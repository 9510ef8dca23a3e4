#include "pipelines/runner/slots.h"

#include <utility>
#include <vector>

namespace millrace::pipelines::runner {

bool Slots::take(const std::string& run_id, const std::string& key, std::function<void()> when_free) {
  const std::lock_guard lock(mutex_);
  if (taken_.contains(key)) return true;
  // Whoever waits comes first.
  if (taken_.size() < limit_ && lines_.empty()) {
    taken_.insert(key);
    return true;
  }
  const auto [line, is_new] = lines_.try_emplace(run_id);
  if (is_new) turns_.push_back(run_id);
  line->second.push_back({key, std::move(when_free)});
  return false;
}

void Slots::occupy(const std::string& key) {
  const std::lock_guard lock(mutex_);
  taken_.insert(key);
}

void Slots::release(const std::string& run_id, const std::string& key) {
  std::vector<std::function<void()>> called;
  {
    const std::lock_guard lock(mutex_);
    if (taken_.erase(key) == 0) {
      if (const auto line = lines_.find(run_id); line != lines_.end()) {
        std::erase_if(line->second, [&](const Waiting& waiting) { return waiting.key == key; });
        if (line->second.empty()) {
          lines_.erase(line);
          turns_.remove(run_id);
        }
      }
    }
    while (taken_.size() < limit_ && !turns_.empty()) {
      const auto line = lines_.find(turns_.front());
      Waiting next = std::move(line->second.front());
      line->second.pop_front();
      if (line->second.empty()) {
        lines_.erase(line);
        turns_.pop_front();
      } else {
        turns_.splice(turns_.end(), turns_, turns_.begin());
      }
      taken_.insert(std::move(next.key));
      called.push_back(std::move(next.when_free));
    }
  }
  for (const auto& call : called) call();
}

}  // namespace millrace::pipelines::runner
