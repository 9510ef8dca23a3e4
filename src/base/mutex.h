#pragma once
// Mutexes that clang checks: a member declared MR_GUARDED_BY(mutex_) may be read and written only where the compiler
// sees that mutex_ is held, and a function declared MR_REQUIRES(mutex_) may be called only there. Elsewhere it is an
// error (-Wthread-safety). Other compilers see plain mutexes. Source: clang's documentation, "Thread Safety Analysis".
//
// A lambda is a function of its own to the analysis: a condition is waited for in a loop, not with a predicate.

#include <chrono>
#include <condition_variable>
#include <mutex>

#if defined(__clang__)
#define MR_THREAD_ANNOTATION(x) __attribute__((x))
#else
#define MR_THREAD_ANNOTATION(x)
#endif

#define MR_GUARDED_BY(mutex) MR_THREAD_ANNOTATION(guarded_by(mutex))
#define MR_REQUIRES(...) MR_THREAD_ANNOTATION(requires_capability(__VA_ARGS__))

namespace millrace {

class CondVar;

class MR_THREAD_ANNOTATION(capability("mutex")) Mutex {
 public:
  Mutex() = default;
  Mutex(const Mutex&) = delete;
  Mutex& operator=(const Mutex&) = delete;
  void lock() MR_THREAD_ANNOTATION(acquire_capability()) { mutex_.lock(); }
  void unlock() MR_THREAD_ANNOTATION(release_capability()) { mutex_.unlock(); }

 private:
  friend class CondVar;
  std::mutex mutex_;
};

// Holds the mutex until its end, but for the time between unlock() and lock().
class MR_THREAD_ANNOTATION(scoped_lockable) MutexLock {
 public:
  explicit MutexLock(Mutex& mutex) MR_THREAD_ANNOTATION(acquire_capability(mutex)) : mutex_(mutex) { mutex_.lock(); }
  ~MutexLock() MR_THREAD_ANNOTATION(release_capability()) {
    if (held_) mutex_.unlock();
  }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;
  void unlock() MR_THREAD_ANNOTATION(release_capability()) {
    held_ = false;
    mutex_.unlock();
  }
  void lock() MR_THREAD_ANNOTATION(acquire_capability()) {
    mutex_.lock();
    held_ = true;
  }

 private:
  Mutex& mutex_;
  bool held_ = true;
};

// Each wait gives the mutex up meanwhile and may end for no reason: look at the condition again.
class CondVar {
 public:
  void wait(Mutex& mutex) MR_REQUIRES(mutex) {
    std::unique_lock<std::mutex> lock(mutex.mutex_, std::adopt_lock);
    changed_.wait(lock);
    (void)lock.release();
  }
  template <class Rep, class Period>
  void wait_for(Mutex& mutex, std::chrono::duration<Rep, Period> time) MR_REQUIRES(mutex) {
    wait_until(mutex, std::chrono::steady_clock::now() + time);
  }
  template <class Clock, class Duration>
  void wait_until(Mutex& mutex, std::chrono::time_point<Clock, Duration> deadline) MR_REQUIRES(mutex) {
    std::unique_lock<std::mutex> lock(mutex.mutex_, std::adopt_lock);
    changed_.wait_until(lock, deadline);
    (void)lock.release();
  }
  void notify_one() { changed_.notify_one(); }
  void notify_all() { changed_.notify_all(); }

 private:
  std::condition_variable changed_;
};

}  // namespace millrace
