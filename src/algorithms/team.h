#pragma once
// A few threads that take the pieces of one loop after another. Which thread takes which piece is left to chance:
// callers keep one result a piece and combine them in index order.

#include <cstddef>
#include <functional>
#include <memory>

namespace millrace::algorithms {

class Team {
 public:
  explicit Team(unsigned threads);  // the calling thread counts as one; at least 1
  ~Team();
  Team(const Team&) = delete;
  Team& operator=(const Team&) = delete;

  // Calls work(0) … work(count - 1), each once, and returns when all have ended. `work` must not throw.
  void for_each(std::size_t count, const std::function<void(std::size_t)>& work);
  unsigned threads() const { return threads_; }

 private:
  struct Impl;
  unsigned threads_;
  std::unique_ptr<Impl> impl_;  // null with one thread
};

}  // namespace millrace::algorithms
