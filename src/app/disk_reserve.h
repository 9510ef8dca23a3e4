#pragma once
// A file that keeps back some of the data directory's disk. When the disk is full it is given up, so that the server
// can start, and write down that something is deleted; once there is space again it is made anew. A part of it goes
// straight to the files that this is written to (the database's log, the launcher's journal), since a child that fills
// the disk would take all the rest.

#include <cstdint>
#include <filesystem>
#include <vector>

#include "base/mutex.h"

namespace millrace::app {

class DiskReserve {
 public:
  static constexpr std::uint64_t kMostBytes = 32u << 20;
  static constexpr std::uint64_t kShare = 16;  // of the disk at most one part in so many

  // `logs`: files of the directory that are appended to when something is deleted or stopped; they need not exist yet.
  explicit DiskReserve(std::filesystem::path directory, std::vector<std::filesystem::path> logs = {});

  // At the start: gives the file up where the disk is full, makes it where there is space.
  void open();
  // What comes next frees space: where the disk is (nearly) full, the file is given up for it.
  void before_freeing();
  void refill();         // makes the file again, or larger, of at most half of what is free
  bool is_full() const;  // too little is free for what a start or a delete writes

 private:
  bool is_there() const;
  void release() MR_REQUIRES(mutex_);
  void give_to(const std::filesystem::path& log) MR_REQUIRES(mutex_);
  std::uint64_t free_bytes() const;

  const std::filesystem::path directory_, file_;
  const std::vector<std::filesystem::path> logs_;
  const std::uint64_t size_;
  Mutex mutex_;  // the reserve's file
};

}  // namespace millrace::app
