#pragma once
// Versions and history for objects that are a view of something else, from looking at them again and again.

#include <functional>
#include <map>
#include <string>

#include "base/mutex.h"
#include "kube/history.h"
#include "kube/store.h"

namespace millrace::kube {

class Tracker {
 public:
  explicit Tracker(std::string resource) : resource_(std::move(resource)) {}
  // All objects there are now, as `read` gives them (looks follow each other, so that none is older than the one
  // before). Sets their resourceVersion: the one they came with at the first look, later that of the look at which they
  // were found changed. `now_ms` is the first look's version, so that versions grow over restarts.
  using Read = std::function<Result<std::vector<Value>>()>;
  Result<Snapshot> look(const Read& read, std::int64_t now_ms);
  const History& history() const { return history_; }

 private:
  void note(const std::string& key, Value object) MR_REQUIRES(mutex_);

  const std::string resource_;
  Mutex mutex_;
  std::map<std::string, Value> known_ MR_GUARDED_BY(mutex_);  // by namespace/name
  std::int64_t version_ MR_GUARDED_BY(mutex_) = 0;
  History history_;
};

}  // namespace millrace::kube
