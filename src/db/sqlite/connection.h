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

class SqliteStatement final : public Statement::Impl {
 public:
  SqliteStatement(SqliteConnection& owner, std::string_view sql) : owner_(owner), sql_(sql) {}
  ~SqliteStatement() override { sqlite3_finalize(handle_); }
  Status prepare();

  void bind(std::int64_t value) override;
  void bind(double value) override;
  void bind_text(std::string_view value) override;
  void bind_blob(std::string_view value) override;
  void bind_null() override;
  Result<bool> step() override;
  std::int64_t integer(int column) const override { return sqlite3_column_int64(handle_, column); }
  double real(int column) const override { return sqlite3_column_double(handle_, column); }
  std::string text(int column) const override;
  bool is_null(int column) const override { return sqlite3_column_type(handle_, column) == SQLITE_NULL; }
  void release() noexcept override;

  const std::string& sql() const { return sql_; }
  bool in_use() const { return in_use_; }
  void lend() { in_use_ = true; }
  void keep() { kept_ = true; }  // it belongs to the cache

 private:
  int next_position();
  void keep_error(int code);

  SqliteConnection& owner_;
  sqlite3_stmt* handle_ = nullptr;
  std::string sql_;
  int position_ = 0;      // of the last bound parameter
  bool stepped_ = false;  // a bind after a step begins a new execution
  Status bound_;          // the first error of a bind; step() reports it
  bool kept_ = false, in_use_ = false;
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

 private:
  SqliteConnection() = default;
  Status configure(Role role);
  void drop_least_recently_used();

  using Entry = std::unique_ptr<SqliteStatement>;
  sqlite3* handle_ = nullptr;
  std::list<Entry> cache_;  // most recently used first
  std::unordered_map<std::string_view, std::list<Entry>::iterator> by_text_;
};

}  // namespace millrace::db
