#include "kube/history.h"

#include <algorithm>

#include "kube/refusal.h"

namespace millrace::kube {

void History::start(std::int64_t version) {
  const MutexLock lock(mutex_);
  changes_.clear();
  bytes_ = 0;
  oldest_ = complete_ = version;
}

void History::add(Change change, std::size_t bytes) {
  const MutexLock lock(mutex_);
  const std::int64_t version = change.version;
  changes_[version] = {std::make_shared<const Change>(std::move(change)), bytes};
  bytes_ += bytes;
  while (changes_.contains(complete_ + 1)) ++complete_;
  while (changes_.size() > kMaxChanges || (bytes_ > kMaxBytes && changes_.size() > 1)) {
    oldest_ = changes_.begin()->first;
    complete_ = std::max(complete_, oldest_);
    bytes_ -= changes_.begin()->second.bytes;
    changes_.erase(changes_.begin());
  }
}

Result<History::Part> History::after(std::int64_t since, std::size_t limit) const {
  const MutexLock lock(mutex_);
  if (since < oldest_) return fail(too_old(since, complete_));
  Part part{{}, since};
  for (auto at = changes_.upper_bound(since); at != changes_.end() && at->first <= complete_; ++at) {
    if (part.changes.size() == limit) break;
    part.changes.push_back(at->second.change);
    part.version = at->first;
  }
  return part;
}

}  // namespace millrace::kube
