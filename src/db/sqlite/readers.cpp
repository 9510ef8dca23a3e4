#include "db/sqlite/readers.h"

#include <algorithm>
#include <exception>

#include <fmt/core.h>

#include "base/assert.h"

namespace millrace::db {
namespace {

Status guarded(const Database::Work& work, Connection& connection) {
  try {
    return work(connection);
  } catch (const std::exception& e) {
    return fail(Code::internal, fmt::format("a read ended by an exception: {}", e.what()));
  }
}

}  // namespace

SqliteConnection* Readers::of_this_thread() {
  const MutexLock lock(mutex_);
  for (const Lent& lent : lent_) {
    if (lent.thread == std::this_thread::get_id()) return lent.connection;
  }
  return nullptr;
}

Result<SqliteConnection*> Readers::borrow() {
  MutexLock lock(mutex_);
  while (free_.empty() && connections_.size() + opening_ >= limit_) returned_.wait(mutex_);
  SqliteConnection* connection = nullptr;
  if (!free_.empty()) {
    connection = free_.back();
    free_.pop_back();
  } else {
    ++opening_;
    lock.unlock();
    auto opened = SqliteConnection::open(path_, SqliteConnection::Role::reader);
    lock.lock();
    --opening_;
    if (!opened) {
      returned_.notify_one();
      return fail(std::move(opened).error());
    }
    connection = opened->get();
    connections_.push_back(std::move(*opened));
  }
  lent_.push_back({std::this_thread::get_id(), connection});
  return connection;
}

void Readers::give_back(SqliteConnection* connection) {
  {
    const MutexLock lock(mutex_);
    std::erase_if(lent_, [&](const Lent& lent) { return lent.connection == connection; });
    free_.push_back(connection);
  }
  returned_.notify_one();
}

Status Readers::read(const Database::Work& work) {
  if (SqliteConnection* mine = of_this_thread()) return guarded(work, *mine);
  SqliteConnection* connection = MR_TRY(borrow());
  Status status = connection->run_cached("BEGIN");
  if (status) {
    status = guarded(work, *connection);
    if (!connection->idle()) {
      if (auto ended = connection->run_cached("COMMIT"); !ended) (void)connection->run_cached("ROLLBACK");
    }
  }
  MR_ASSERT(connection->idle(), "a connection is given back without a transaction");
  give_back(connection);
  return status;
}

}  // namespace millrace::db
