#pragma once
// SQL storage: SQLite in WAL mode, one writer thread with group commit, a pool of readers.
//
// write(): the work of many threads is gathered into one transaction and made durable by one fsync; write() returns
// after that fsync. Each work runs in its own savepoint: when it returns an error, only its own changes are undone.
// Works run one after another on the writer thread, in the order of the calls, so a work sees all earlier ones.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace millrace::db {

// One prepared statement, bound and stepped. Obtained from Connection::prepare (cached there by its text). A bind after
// a step begins a new execution at position 1, so one statement may run in a loop.
class Statement {
 public:
  struct Impl;
  explicit Statement(Impl* impl) : impl_(impl) {}
  Statement(Statement&& other) noexcept;
  Statement& operator=(Statement&&) = delete;
  ~Statement();  // reset, bindings cleared, back to the cache

  Statement& bind(std::int64_t value);  // positions 1, 2, 3… in the order of the calls
  Statement& bind(int value) { return bind(static_cast<std::int64_t>(value)); }
  Statement& bind(double value);
  Statement& bind(bool value) { return bind(static_cast<std::int64_t>(value)); }
  Statement& bind(std::string_view value);  // TEXT
  Statement& bind(const char* value) { return bind(std::string_view(value)); }
  Statement& bind_blob(std::string_view value);
  Statement& bind_null();
  Statement& bind(const std::optional<std::string>& value);

  Result<bool> step();  // true: a row is there
  Status run();         // steps to the end; for statements without rows

  std::int64_t integer(int column) const;  // columns from 0; NULL reads as 0 / empty
  double real(int column) const;
  std::string text(int column) const;  // also blobs
  bool is_null(int column) const;

 private:
  Impl* impl_;
};

class Connection {
 public:
  virtual ~Connection() = default;
  // A unique-constraint failure in step()/run() is Code::already_exists; a full disk resource_exhausted; a read-only
  // file failed_precondition; anything else internal.
  virtual Result<Statement> prepare(std::string_view sql) = 0;
  virtual Status execute(std::string_view sql) = 0;  // one or more statements without parameters
  virtual std::int64_t changes() const = 0;          // rows of the last INSERT/UPDATE/DELETE
  virtual std::int64_t last_insert_id() const = 0;
};

struct Migration {
  int version;  // 1, 2, 3… per component
  std::string_view sql;
};

struct Options {
  std::size_t readers = 4;
  std::size_t queue_limit = 65'536;  // works waiting for the writer; beyond it write() answers resource_exhausted
  std::size_t batch_limit = 1'000;   // works in one transaction
};

class Database {
 public:
  // Errors name the path: read-only directory, full disk, not a database.
  static Result<std::unique_ptr<Database>> open(const std::string& path, const Options& options = {});
  virtual ~Database() = default;

  // Each version once, in its own transaction, recorded in schema_version(component, version). A database that is at a
  // higher version than the last one given is refused (failed_precondition).
  virtual Status migrate(std::string_view component, std::span<const Migration> migrations) = 0;

  using Work = std::function<Status(Connection&)>;
  // From within a work (on the writer thread) write() answers internal: it would wait for itself.
  virtual Status write(const Work& work) = 0;                                 // blocks until durable
  virtual void write_async(Work work, std::function<void(Status)> done) = 0;  // done on the writer thread
  virtual Status read(const Work& work) = 0;                                  // a consistent snapshot
};

}  // namespace millrace::db
