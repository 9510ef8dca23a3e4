#include "db/sqlite/writer.h"

#include <exception>

#include <fmt/core.h>

#include "base/assert.h"
#include "base/thread_name.h"

namespace millrace::db {

Writer::Writer(std::unique_ptr<SqliteConnection> connection, const Options& options)
    : connection_(std::move(connection)), options_(options) {
  // The thread reads thread_ (on_writer_thread) only inside works, which come after this constructor.
  thread_ = std::thread([this] { run(); });
}

Writer::~Writer() {
  {
    const MutexLock lock(mutex_);
    stopping_ = true;
  }
  arrived_.notify_one();
  thread_.join();
}

Status Writer::enqueue(Item item) {
  {
    const MutexLock lock(mutex_);
    if (stopping_) return fail(Code::unavailable, "the database is closing");
    if (queue_.size() >= options_.queue_limit) {
      return fail(Code::resource_exhausted,
                  fmt::format("{} writes are waiting for the database already; try again", queue_.size()));
    }
    queue_.push_back(std::move(item));
  }
  arrived_.notify_one();
  return {};
}

Status Writer::write(const Database::Work& work) {
  if (on_writer_thread()) {
    return fail(Code::internal, "a write was begun from within a write: it would wait for itself");
  }
  struct Outcome {
    Mutex mutex;
    CondVar known;
    bool done MR_GUARDED_BY(mutex) = false;
    Status status MR_GUARDED_BY(mutex);
  } outcome;
  MR_TRY(enqueue(Item{[&work](Connection& connection) { return work(connection); },
                      [&outcome](Status status) {
                        const MutexLock lock(outcome.mutex);
                        outcome.status = std::move(status);
                        outcome.done = true;
                        outcome.known.notify_one();  // under the lock: `outcome` dies as soon as it is released
                      },
                      {}}));
  const MutexLock lock(outcome.mutex);
  while (!outcome.done) outcome.known.wait(outcome.mutex);
  return std::move(outcome.status);
}

void Writer::write_async(Database::Work work, std::function<void(Status)> done) {
  auto shared = std::make_shared<std::function<void(Status)>>(std::move(done));  // kept for the refusal below
  auto status = enqueue(Item{std::move(work), [shared](Status s) { (*shared)(std::move(s)); }, {}});
  if (!status) (*shared)(std::move(status));
}

// Moves up to `most` works to `items`. False: nothing is there (and, when waiting, nothing will come).
bool Writer::take(std::deque<Item>& items, std::size_t most, bool wait) {
  const MutexLock lock(mutex_);
  while (wait && !stopping_ && queue_.empty()) arrived_.wait(mutex_);
  bool any = false;
  for (; most > 0 && !queue_.empty(); --most, any = true) {
    items.push_back(std::move(queue_.front()));
    queue_.pop_front();
  }
  return any;
}

void Writer::run() {
  name_thread("db-writer");
  std::deque<Item> items;
  while (take(items, options_.batch_limit, true)) {
    run_batch(items);
    MR_ASSERT(connection_->idle(), "no transaction outlives the works that it is of");
    for (auto& item : items) item.done(std::move(item.result));
    items.clear();
  }
}

// One transaction over `items` and over whatever arrives while they run.
void Writer::run_batch(std::deque<Item>& items) {
  std::size_t next = 0;
  std::size_t first = 0;  // the first item of the open transaction
  bool open = false;
  const auto fail_open = [&](std::size_t end, const Error& error) {
    for (std::size_t i = first; i < end; ++i) {
      if (items[i].result) items[i].result = fail(error);
    }
  };
  while (true) {
    if (next == items.size() &&
        (items.size() >= options_.batch_limit || !take(items, options_.batch_limit - items.size(), false))) {
      break;
    }
    if (!open) {
      first = next;
      if (auto begun = connection_->run_cached("BEGIN IMMEDIATE"); !begun) {
        items[next++].result = std::move(begun);
        continue;
      }
      open = true;
    }
    const bool fresh = next == first;
    const bool kept = run_one(items[next], fresh);
    ++next;
    if (kept) continue;
    // The transaction is gone. When SQLite gave it up (full disk, I/O error), its earlier works are gone with it.
    open = false;
    if (!fresh) fail_open(next - 1, items[next - 1].result.error());
  }
  if (!open) return;
  if (auto committed = connection_->run_cached("COMMIT"); !committed) {
    if (!connection_->idle()) (void)connection_->run_cached("ROLLBACK");
    fail_open(items.size(), committed.error());
  }
}

// False: the transaction has ended. Only works after the first need a savepoint: the first one's changes are the
// transaction's only changes.
bool Writer::run_one(Item& item, bool first) {
  if (!first) {
    if (item.result = connection_->run_cached("SAVEPOINT work"); !item.result) return !connection_->idle();
  }
  item.result = call(item.work, *connection_);
  if (connection_->idle()) {
    if (item.result) item.result = fail(Code::internal, "a write ended its own transaction");
    return false;
  }
  if (item.result) {
    if (!first) {
      if (auto released = connection_->run_cached("RELEASE work"); !released) item.result = std::move(released);
    }
    return !connection_->idle();
  }
  if (first) {
    (void)connection_->run_cached("ROLLBACK");
    return false;
  }
  auto undone = connection_->run_cached("ROLLBACK TO work");
  if (undone) undone = connection_->run_cached("RELEASE work");
  if (!undone) {
    // Its changes could not be told apart from the others': none may be kept.
    item.result = std::move(undone);
    if (!connection_->idle()) (void)connection_->run_cached("ROLLBACK");
    return false;
  }
  return true;
}

Status Writer::call(const Database::Work& work, SqliteConnection& connection) {
  try {
    return work(connection);
  } catch (const std::exception& e) {
    return fail(Code::internal, fmt::format("a write ended by an exception: {}", e.what()));
  }
}

}  // namespace millrace::db
