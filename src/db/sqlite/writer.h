#pragma once
// The one writer: a thread that gathers waiting works into one transaction and makes them durable with one fsync.

#include <deque>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "base/mutex.h"
#include "db/database.h"
#include "db/sqlite/connection.h"

namespace millrace::db {

class Writer {
 public:
  Writer(std::unique_ptr<SqliteConnection> connection, const Options& options);
  ~Writer();  // runs what is queued, then ends
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  Status write(const Database::Work& work);
  void write_async(Database::Work work, std::function<void(Status)> done);

 private:
  struct Item {
    Database::Work work;
    std::function<void(Status)> done;
    Status result;
  };

  bool on_writer_thread() const { return std::this_thread::get_id() == thread_.get_id(); }
  Status enqueue(Item item);
  void run();
  bool take(std::deque<Item>& items, std::size_t most, bool wait);
  void run_batch(std::deque<Item>& items);
  bool run_one(Item& item, bool first);
  static Status call(const Database::Work& work, SqliteConnection& connection);

  std::unique_ptr<SqliteConnection> connection_;
  const Options options_;
  Mutex mutex_;
  CondVar arrived_;
  std::deque<Item> queue_ MR_GUARDED_BY(mutex_);
  bool stopping_ MR_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace millrace::db
