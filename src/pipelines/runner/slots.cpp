#include "pipelines/runner/slots.h"

#include <algorithm>
#include <vector>

namespace millrace::pipelines::runner {

bool Slots::take(const std::string& key, std::function<void()> when_free) {
  const std::lock_guard lock(mutex_);
  if (taken_.contains(key)) return true;
  if (taken_.size() < limit_) {
    taken_.insert(key);
    return true;
  }
  line_.push_back({key, std::move(when_free)});
  return false;
}

void Slots::occupy(const std::string& key) {
  const std::lock_guard lock(mutex_);
  taken_.insert(key);
}

void Slots::release(const std::string& key) {
  std::vector<std::function<void()>> called;
  {
    const std::lock_guard lock(mutex_);
    if (taken_.erase(key) == 0) std::erase_if(line_, [&](const Waiting& waiting) { return waiting.key == key; });
    while (taken_.size() < limit_ && !line_.empty()) {
      taken_.insert(line_.front().key);
      called.push_back(std::move(line_.front().when_free));
      line_.pop_front();
    }
  }
  for (const auto& call : called) call();
}

}  // namespace millrace::pipelines::runner
