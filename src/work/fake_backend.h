#pragma once
// A backend for tests: starts nothing. What was asked for is noted, and each workload ends when, how and as often as
// the test says. Its answers may be held back, and are then given in the order and at the time of the test's choice.
//
// Handlers and answers are called on the thread that calls end(), lose(), answer() or, where nothing is held, start().

#include <algorithm>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "work/backend.h"

namespace millrace::work {

class FakeBackend final : public Backend {
 public:
  FakeBackend() = default;
  explicit FakeBackend(const Clock* clock) : clock_(clock) {}  // what says when workloads start and end

  // true: starts and stops are answered and done by answer() only.
  void hold_answers(bool held) {
    const MutexLock lock(mutex_);
    held_ = held;
  }
  // Answers what was held for `key`; false: nothing was.
  bool answer(const std::string& key) {
    std::function<void()> call;
    {
      const MutexLock lock(mutex_);
      const auto found =
          std::find_if(waiting_.begin(), waiting_.end(), [&](const auto& one) { return one.first == key; });
      if (found == waiting_.end()) return false;
      call = std::move(found->second);
      waiting_.erase(found);
    }
    call();
    return true;
  }
  std::vector<std::string> unanswered() {  // the keys of what is held, in order
    const MutexLock lock(mutex_);
    std::vector<std::string> keys;
    for (const auto& [key, call] : waiting_) keys.push_back(key);
    return keys;
  }
  // The next start fails so; the key is then not known.
  void fail_next_start(Error error) {
    const MutexLock lock(mutex_);
    failure_ = std::move(error);
  }
  void have_image(std::string image) { images_.push_back(std::move(image)); }
  bool confined = false;  // what confines() says

  // Ends a running workload and reports it; false: it does not run.
  bool end(const std::string& key, int exit_code = 0) {
    WorkStatus status;
    status.state = WorkStatus::State::exited;
    status.exit_code = exit_code;
    return end_as(key, status);
  }
  bool kill(const std::string& key, int signal) {
    WorkStatus status;
    status.state = WorkStatus::State::exited;
    status.exit_code = 128 + signal;
    status.signal = signal;
    return end_as(key, status);
  }
  // Nobody saw it end.
  bool lose(const std::string& key) {
    WorkStatus status;
    status.state = WorkStatus::State::lost;
    return end_as(key, status);
  }
  // Reports an end once more.
  bool repeat_end(const std::string& key) {
    std::optional<WorkStatus> ended;
    {
      const MutexLock lock(mutex_);
      const auto found = known_.find(key);
      if (found == known_.end() || !found->second.is_over()) return false;
      ended = found->second;
    }
    report_end(key, *ended);
    return true;
  }

  std::vector<std::string> running() {
    const MutexLock lock(mutex_);
    std::vector<std::string> keys;
    for (const auto& [key, status] : known_) {
      if (!status.is_over()) keys.push_back(key);
    }
    return keys;
  }
  std::vector<std::string> known() {  // not forgotten, running or not
    const MutexLock lock(mutex_);
    std::vector<std::string> keys;
    for (const auto& [key, status] : known_) keys.push_back(key);
    return keys;
  }
  // As it was last to be started; nullopt: never.
  std::optional<Workload> workload(const std::string& key) {
    const MutexLock lock(mutex_);
    const auto found = workloads_.find(key);
    return found == workloads_.end() ? std::nullopt : std::optional(found->second);
  }
  std::vector<std::string> started() {  // in order; one key more than once where it was forgotten in between
    const MutexLock lock(mutex_);
    return started_;
  }
  bool was_started(const std::string& key) {
    const MutexLock lock(mutex_);
    return std::ranges::find(started_, key) != started_.end();
  }
  std::vector<std::string> stopped() {
    const MutexLock lock(mutex_);
    return stopped_;
  }

  void start(Workload workload, Done done) override {
    const std::string key = workload.key;
    Result<WorkStatus> result = fail(Code::internal, "not answered");
    {
      const MutexLock lock(mutex_);
      workloads_.insert_or_assign(key, std::move(workload));
      if (failure_) {
        result = fail(*std::exchange(failure_, std::nullopt));
      } else {
        const auto [found, is_new] = known_.try_emplace(key);
        if (is_new) {
          started_.push_back(key);
          found->second.started = now();
        }
        result = found->second;
      }
      if (held_) {
        waiting_.emplace_back(key, [done = std::move(done), result] { done(result); });
        return;
      }
    }
    done(std::move(result));
  }
  Result<std::optional<WorkStatus>> status(const std::string& key) override {
    const MutexLock lock(mutex_);
    const auto found = known_.find(key);
    return found == known_.end() ? std::nullopt : std::optional(found->second);
  }
  // Noted; the test decides when it ends.
  Status stop(const std::string& key, Millis) override {
    const MutexLock lock(mutex_);
    stopped_.push_back(key);
    return {};
  }
  Status forget(const std::string& key) override {
    const MutexLock lock(mutex_);
    std::erase_if(known_, [&](const auto& one) {
      return one.second.is_over() && (one.first == key || one.first.starts_with(key + "/"));
    });
    return {};
  }
  Status shutdown(Millis) override { return {}; }
  Status confines() override { return confined ? Status() : fail(Code::failed_precondition, "nothing runs here"); }
  // Becomes another machine's, where nothing was ever started.
  void know_nothing() {
    const MutexLock lock(mutex_);
    known_.clear();
    started_.clear();
    stopped_.clear();
  }
  bool has_image(const std::string& image) override { return std::ranges::find(images_, image) != images_.end(); }

 private:
  bool end_as(const std::string& key, const WorkStatus& status) {
    WorkStatus ended;
    {
      const MutexLock lock(mutex_);
      const auto found = known_.find(key);
      if (found == known_.end() || found->second.is_over()) return false;
      ended = status;
      ended.started = found->second.started;
      ended.ended = now();
      found->second = ended;
    }
    report_end(key, ended);
    return true;
  }
  Time now() const { return clock_ != nullptr ? clock_->now() : Time(); }

  const Clock* const clock_ = nullptr;
  Mutex mutex_;
  bool held_ MR_GUARDED_BY(mutex_) = false;
  std::optional<Error> failure_ MR_GUARDED_BY(mutex_);
  std::vector<std::string> images_;
  std::map<std::string, WorkStatus> known_ MR_GUARDED_BY(mutex_);
  std::map<std::string, Workload> workloads_ MR_GUARDED_BY(mutex_);
  std::vector<std::pair<std::string, std::function<void()>>> waiting_ MR_GUARDED_BY(mutex_);
  std::vector<std::string> started_ MR_GUARDED_BY(mutex_), stopped_ MR_GUARDED_BY(mutex_);
};

}  // namespace millrace::work
