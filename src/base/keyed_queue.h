#pragma once
// Work in order for each key, in parallel across keys, on a few threads: never two works of one key at once.
//
// What has gathered for a key is done in one turn, and `after` is called once for all of it, on the same thread:
// what many works change can be stored at once. poke(key) asks for `after` alone; pokes that gather are one. So there
// are two ways to use it:
//
//   KeyedQueue queue({.threads = 4, .name = "runs"}, [&](const std::string& key) { flush(key); });
//   queue.post(key, work);    // work(), then flush(key), perhaps after other works of the key
//
//   KeyedQueue queue({.threads = 2, .name = "jobs"}, [&](const std::string& key) { drive(key); });
//   queue.poke(key);          // drive(key) once more, from its beginning, after this
//
// For tests and simulations there is a queue without threads (Manual): whoever has it gives a key its turn.

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/thread_name.h"

namespace millrace {

class KeyedQueue {
 public:
  using Work = std::function<void()>;
  using After = std::function<void(const std::string& key)>;
  // Keys with work at one time. Works of a key are as many as its owner posts.
  static constexpr std::size_t kMaxKeys = 1'000'000;
  // Works of a key in one turn, so that a busy key does not keep the others from the threads.
  static constexpr std::size_t kBatch = 256;

  struct Threads {
    std::size_t threads = 1;  // at most; each made when there is more to do than threads that wait
    ThreadName name = "queue";
  };
  KeyedQueue(Threads threads, After after);
  struct Manual {};  // no threads
  KeyedQueue(Manual, After after);
  ~KeyedQueue();  // stop()

  // Never blocks. false: the work will not be done, as the queue is stopped, has kMaxKeys, or no thread can be made.
  bool post(const std::string& key, Work work);
  bool poke(const std::string& key) { return post(key, nullptr); }

  // Lets the turns that are under way end, with their `after`; drops what waits; joins. Idempotent; not to be called
  // by a work.
  void stop();

  std::size_t size() const;  // keys with work, or whose turn is under way
  // For Manual ones: the keys that wait for a turn, the longest first.
  std::vector<std::string> waiting() const;
  // Gives the key one turn on this thread. false: it does not wait for one.
  bool run(const std::string& key);
  // Gives turns, first come first, until none waits.
  void run_all();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace millrace
