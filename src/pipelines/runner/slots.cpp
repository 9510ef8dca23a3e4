#include "pipelines/runner/slots.h"

#include <algorithm>
#include <deque>
#include <list>
#include <map>
#include <vector>

#include "base/assert.h"
#include "base/mutex.h"

namespace millrace::pipelines::runner {

class Slots::State {
 public:
  explicit State(std::size_t limit) : limit_(limit == 0 ? 1 : limit) {}

  std::uint64_t take(const std::string& run_id, std::function<void()> when_free, std::size_t of_run) {
    const MutexLock lock(mutex_);
    const std::uint64_t id = ++last_id_;
    // Whoever waits comes first: while slots are free, only those wait whose run has all that it may have.
    if (!lines_.contains(run_id) && may_start(run_id, of_run)) {
      hold(run_id, id);
      return id;
    }
    if (closed_) return id;
    const auto [line, is_new] = lines_.try_emplace(run_id);
    if (is_new) turns_.push_back(run_id);
    line->second.of_run = of_run;
    line->second.waiting.push_back({id, std::move(when_free)});
    waits_[id] = run_id;
    return id;
  }

  std::uint64_t occupy(const std::string& run_id) {
    const MutexLock lock(mutex_);
    hold(run_id, ++last_id_);
    return last_id_;
  }

  void release(std::uint64_t id) {
    std::vector<std::function<void()>> called;
    {
      const MutexLock lock(mutex_);
      leave(id);
      if (!closed_) called = start_next();
    }
    for (const auto& call : called) call();
  }

  bool has_slot(std::uint64_t id) const {
    const MutexLock lock(mutex_);
    return taken_.contains(id);
  }

  void close() {
    std::map<std::string, Line> dropped;  // their callbacks end outside of the lock
    const MutexLock lock(mutex_);
    closed_ = true;
    dropped.swap(lines_);
    turns_.clear();
    waits_.clear();
  }

  std::size_t taken() const {
    const MutexLock lock(mutex_);
    return taken_.size();
  }
  std::size_t waiting() const {
    const MutexLock lock(mutex_);
    return waits_.size();
  }

 private:
  struct Waiting {
    std::uint64_t id = 0;
    std::function<void()> when_free;
  };
  struct Line {
    std::size_t of_run = 0;
    std::deque<Waiting> waiting;
  };

  bool may_start(const std::string& run_id, std::size_t of_run) const MR_REQUIRES(mutex_) {
    if (taken_.size() >= limit_) return false;
    const auto running = running_.find(run_id);
    return of_run == 0 || running == running_.end() || running->second < of_run;
  }

  void hold(const std::string& run_id, std::uint64_t id) MR_REQUIRES(mutex_) {
    MR_ASSERT(taken_.emplace(id, run_id).second, "a lease has one slot");
    ++running_[run_id];
  }

  void leave(std::uint64_t id) MR_REQUIRES(mutex_) {
    if (const auto held = taken_.extract(id)) {
      const auto running = running_.find(held.mapped());
      MR_ASSERT(running != running_.end() && running->second > 0, "a run's slots are counted");
      if (--running->second == 0) running_.erase(running);
      return;
    }
    const auto waits = waits_.extract(id);
    if (!waits) return;
    const auto line = lines_.find(waits.mapped());
    std::erase_if(line->second.waiting, [&](const Waiting& one) { return one.id == id; });
    if (!line->second.waiting.empty()) return;
    turns_.remove(line->first);
    lines_.erase(line);
  }

  std::vector<std::function<void()>> start_next() MR_REQUIRES(mutex_) {
    std::vector<std::function<void()>> called;
    MR_ASSERT(turns_.size() == lines_.size(), "each run that waits has its turn");
    while (true) {
      auto turn = turns_.begin();
      while (turn != turns_.end() && !may_start(*turn, lines_.at(*turn).of_run)) ++turn;
      if (turn == turns_.end()) return called;
      const auto line = lines_.find(*turn);
      Waiting next = std::move(line->second.waiting.front());
      line->second.waiting.pop_front();
      waits_.erase(next.id);
      hold(line->first, next.id);
      called.push_back(std::move(next.when_free));
      if (line->second.waiting.empty()) {
        lines_.erase(line);
        turns_.erase(turn);
      } else {
        turns_.splice(turns_.end(), turns_, turn);
      }
    }
  }

  const std::size_t limit_;
  mutable Mutex mutex_;
  std::uint64_t last_id_ MR_GUARDED_BY(mutex_) = 0;
  bool closed_ MR_GUARDED_BY(mutex_) = false;
  std::map<std::uint64_t, std::string> taken_ MR_GUARDED_BY(mutex_), waits_ MR_GUARDED_BY(mutex_);  // the run of each
  std::map<std::string, std::size_t> running_ MR_GUARDED_BY(mutex_);  // how many of taken_ are each run's; none is 0
  std::map<std::string, Line> lines_ MR_GUARDED_BY(mutex_);           // by run; none is empty
  std::list<std::string> turns_ MR_GUARDED_BY(mutex_);                // the runs of lines_, the next one first
};

Slots::Slots(std::size_t limit) : state_(std::make_shared<State>(limit)) {}

Slots::Lease Slots::take(const std::string& run_id, std::function<void()> when_free, std::size_t of_run) {
  return {state_, state_->take(run_id, std::move(when_free), of_run)};
}

Slots::Lease Slots::occupy(const std::string& run_id) { return {state_, state_->occupy(run_id)}; }

void Slots::close() { state_->close(); }
std::size_t Slots::taken() const { return state_->taken(); }
std::size_t Slots::waiting() const { return state_->waiting(); }

Slots::Lease& Slots::Lease::operator=(Lease&& other) noexcept {
  if (this == &other) return *this;
  release();
  state_ = std::move(other.state_);
  id_ = std::exchange(other.id_, 0);
  return *this;
}

bool Slots::Lease::has_slot() const { return state_ && state_->has_slot(id_); }

void Slots::Lease::release() {
  if (const auto state = std::exchange(state_, nullptr)) state->release(std::exchange(id_, 0));
}

}  // namespace millrace::pipelines::runner
