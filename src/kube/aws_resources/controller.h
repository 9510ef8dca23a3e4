#pragma once
// Keeps the custom resources in step with the services behind them: one thread that looks at each after it was changed,
// while the service is at work on it, and again after a refusal.

#include <atomic>
#include <chrono>
#include <map>
#include <set>
#include <string>
#include <thread>
#include <tuple>

#include "base/mutex.h"
#include "kube/aws_resources/reconcile.h"
#include "kube/sleepers.h"

namespace millrace::kube {

class Controller {
 public:
  Controller(Store& store, const Clock& clock, Sleepers& sleepers)
      : store_(store), clock_(clock), sleepers_(sleepers) {}
  ~Controller() { stop(); }

  void start(AwsApi& api);
  void stop();  // joins: a call under way is waited for
  // From any thread: objects were written, or the service says that something of its own changed.
  void wake();

 private:
  using Steady = std::chrono::steady_clock;
  using Key = std::tuple<std::string, std::string, std::string>;  // resource, namespace, name
  struct Due {
    Steady::time_point at = {};
    int refusals = 0;                    // one after the other
    bool is_busy = false;                // the service is at work: whatever it reports may be about this
    std::set<std::string> written = {};  // versions that were stored from here, until they are read as changes
  };

  void run(AwsApi& api);
  void gather();  // what is there, at the start and where the history no longer reaches
  void read_changes();
  void look_at_due(AwsApi& api);
  void look_at(AwsApi& api, const Key& key, Due& due);
  Steady::time_point next() const;
  bool is_stopping();

  Store& store_;
  const Clock& clock_;
  Sleepers& sleepers_;
  Mutex mutex_;
  CondVar changed_;
  bool awake_ MR_GUARDED_BY(mutex_) = false;
  bool stopping_ MR_GUARDED_BY(mutex_) = false;
  std::map<Key, Due> due_;     // the thread's own, as is what follows
  std::int64_t version_ = -1;  // of the last change that was read; below zero: gather
  std::thread thread_;
};

}  // namespace millrace::kube
