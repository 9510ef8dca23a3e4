#pragma once
// How many tasks run at once over all runs. Who finds no slot waits in line.

#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <set>
#include <string>

namespace millrace::pipelines::runner {

class Slots {
 public:
  explicit Slots(std::size_t limit) : limit_(limit == 0 ? 1 : limit) {}
  // true: the key has a slot (again, where it had one). Otherwise it waits, and `when_free` is called (outside of all
  // locks, on the thread that gave a slot back) once it has one.
  bool take(const std::string& key, std::function<void()> when_free);
  // For what runs already, whatever the limit says.
  void occupy(const std::string& key);
  // Gives the slot back, or leaves the line.
  void release(const std::string& key);

 private:
  struct Waiting {
    std::string key;
    std::function<void()> when_free;
  };
  std::size_t limit_;
  std::mutex mutex_;
  std::set<std::string> taken_;
  std::deque<Waiting> line_;
};

}  // namespace millrace::pipelines::runner
