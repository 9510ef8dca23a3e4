#pragma once
// How many tasks run at once over all runs. Who finds no slot waits; runs that wait take turns, so that a large one
// does not keep the others out.

#include <cstddef>
#include <deque>
#include <functional>
#include <list>
#include <map>
#include <mutex>
#include <string>
#include <unordered_set>

namespace millrace::pipelines::runner {

class Slots {
 public:
  explicit Slots(std::size_t limit) : limit_(limit == 0 ? 1 : limit) {}
  // true: the key has a slot (again, where it had one). Otherwise it waits in its run's line, and `when_free` is called
  // (outside of all locks, on the thread that gave a slot back) once it has one. `of_run`: how many the run itself may
  // have at once, the same at each call; 0: no limit of its own.
  bool take(const std::string& run_id, const std::string& key, std::function<void()> when_free, std::size_t of_run = 0);
  // For what runs already, whatever the limits say.
  void occupy(const std::string& run_id, const std::string& key);
  // Gives the slot back, or leaves the line.
  void release(const std::string& run_id, const std::string& key);

 private:
  struct Waiting {
    std::string key;
    std::function<void()> when_free;
  };
  struct Line {
    std::size_t of_run = 0;
    std::deque<Waiting> waiting;
  };
  bool may_start(const std::string& run_id, std::size_t of_run) const;
  void hold(const std::string& run_id, const std::string& key);

  std::size_t limit_;
  std::mutex mutex_;
  std::unordered_set<std::string> taken_;
  std::map<std::string, std::size_t> running_;  // how many of taken_ are each run's; none is 0
  std::map<std::string, Line> lines_;           // by run; none is empty
  std::list<std::string> turns_;                // the runs of lines_, the next one first
};

}  // namespace millrace::pipelines::runner
