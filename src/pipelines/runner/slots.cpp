#include "pipelines/runner/slots.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace millrace::pipelines::runner {

bool Slots::may_start(const std::string& run_id, std::size_t of_run) const {
  if (taken_.size() >= limit_) return false;
  const auto running = running_.find(run_id);
  return of_run == 0 || running == running_.end() || running->second < of_run;
}

void Slots::hold(const std::string& run_id, const std::string& key) {
  if (taken_.insert(key).second) ++running_[run_id];
}

bool Slots::take(const std::string& run_id, const std::string& key, std::function<void()> when_free,
                 std::size_t of_run) {
  const std::lock_guard lock(mutex_);
  if (taken_.contains(key)) return true;
  // Whoever waits comes first: while slots are free, only those wait whose run has all that it may have.
  if (!lines_.contains(run_id) && may_start(run_id, of_run)) {
    hold(run_id, key);
    return true;
  }
  const auto [line, is_new] = lines_.try_emplace(run_id);
  if (is_new) turns_.push_back(run_id);
  line->second.of_run = of_run;
  line->second.waiting.push_back({key, std::move(when_free)});
  return false;
}

void Slots::occupy(const std::string& run_id, const std::string& key) {
  const std::lock_guard lock(mutex_);
  hold(run_id, key);
}

void Slots::release(const std::string& run_id, const std::string& key) {
  std::vector<std::function<void()>> called;
  {
    const std::lock_guard lock(mutex_);
    if (taken_.erase(key) != 0) {
      if (const auto running = running_.find(run_id); running != running_.end() && --running->second == 0)
        running_.erase(running);
    } else if (const auto line = lines_.find(run_id); line != lines_.end()) {
      std::erase_if(line->second.waiting, [&](const Waiting& waiting) { return waiting.key == key; });
      if (line->second.waiting.empty()) {
        lines_.erase(line);
        turns_.remove(run_id);
      }
    }
    while (true) {
      const auto turn = std::find_if(turns_.begin(), turns_.end(),
                                     [&](const std::string& run) { return may_start(run, lines_.at(run).of_run); });
      if (turn == turns_.end()) break;
      const auto line = lines_.find(*turn);
      Waiting next = std::move(line->second.waiting.front());
      line->second.waiting.pop_front();
      hold(line->first, next.key);
      called.push_back(std::move(next.when_free));
      if (line->second.waiting.empty()) {
        lines_.erase(line);
        turns_.erase(turn);
      } else {
        turns_.splice(turns_.end(), turns_, turn);
      }
    }
  }
  for (const auto& call : called) call();
}

}  // namespace millrace::pipelines::runner
