#pragma once
// A few reading connections, opened when first needed, each lent to one thread at a time.

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/mutex.h"
#include "db/database.h"
#include "db/sqlite/connection.h"

namespace millrace::db {

class Readers {
 public:
  Readers(std::string path, std::size_t limit) : path_(std::move(path)), limit_(limit > 0 ? limit : 1) {}
  // A read begun from within a read sees the outer one's snapshot.
  Status read(const Database::Work& work);

 private:
  struct Lent {
    std::thread::id thread;
    SqliteConnection* connection;
  };
  Result<SqliteConnection*> borrow();
  void give_back(SqliteConnection* connection);
  SqliteConnection* of_this_thread();

  const std::string path_;
  const std::size_t limit_;
  Mutex mutex_;
  CondVar returned_;
  std::vector<std::unique_ptr<SqliteConnection>> connections_ MR_GUARDED_BY(mutex_);
  std::size_t opening_ MR_GUARDED_BY(mutex_) = 0;
  std::vector<SqliteConnection*> free_ MR_GUARDED_BY(mutex_);
  std::vector<Lent> lent_ MR_GUARDED_BY(mutex_);
};

}  // namespace millrace::db
