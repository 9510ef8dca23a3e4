#pragma once
// One SQLite connection with its cache of prepared statements. Used by one thread at a time.

#include <sqlite3.h>

#include <cstdint>
#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "db/database.h"

namespace millrace::db {

class SqliteConnection;

struct Statement::Impl {
  SqliteConnection* owner = nullptr;
  sqlite3_stmt* handle = nullptr;
  std::string sql;
  int position = 0;      // of the last bound parameter
  bool stepped = false;  // a bind after a step begins a new execution
  Status bound;          // the first error of a bind; step() reports it
  bool kept = false;     // belongs to the cache
  bool in_use = false;
};

class SqliteConnection final : public Connection {
 public:
  enum class Role { writer, reader };
  static constexpr std::size_t kCachedStatements = 128;
  static constexpr int kWriterCacheKib = 2'000;
  static constexpr int kReaderCacheKib = 1'000;
  static constexpr int kBusyTimeoutMs = 5'000;
  static constexpr unsigned kFileMode = 0600;

  static Result<std::unique_ptr<SqliteConnection>> open(const std::string& path, Role role);
  ~SqliteConnection() override;
  SqliteConnection(const SqliteConnection&) = delete;
  SqliteConnection& operator=(const SqliteConnection&) = delete;

  Result<Statement> prepare(std::string_view sql) override;
  Status execute(std::string_view sql) override;
  std::int64_t changes() const override { return sqlite3_changes64(handle_); }
  std::int64_t last_insert_id() const override { return sqlite3_last_insert_rowid(handle_); }

  Status run_cached(std::string_view sql);  // one statement without parameters, often used
  // False inside a transaction. SQLite itself rolls a transaction back on some errors (a full disk, an I/O error).
  bool idle() const { return sqlite3_get_autocommit(handle_) != 0; }
  sqlite3* handle() const { return handle_; }
  void give_back(Statement::Impl* statement);  // from ~Statement

 private:
  SqliteConnection() = default;
  Status configure(Role role);
  void drop_least_recently_used();

  using Entry = std::unique_ptr<Statement::Impl>;
  sqlite3* handle_ = nullptr;
  std::list<Entry> cache_;  // most recently used first
  std::unordered_map<std::string_view, std::list<Entry>::iterator> by_text_;
};

}  // namespace millrace::db
