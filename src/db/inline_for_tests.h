#pragma once
// A database in memory that does everything on the calling thread, in the order of the calls: for simulations, where
// the same seed is to give the same schedule. Nothing lasts longer than it does.

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "db/database.h"
#include "db/sqlite/connection.h"

namespace millrace::db {

class InlineDatabase final : public Database {
 public:
  static Result<std::unique_ptr<InlineDatabase>> open() {
    // SQLite's name for a private database that is nowhere.
    auto connection = MR_TRY(SqliteConnection::open("", SqliteConnection::Role::writer));
    MR_TRY(connection->execute("PRAGMA journal_mode=MEMORY"));
    return std::unique_ptr<InlineDatabase>(new InlineDatabase(std::move(connection)));
  }

  Status migrate(std::string_view, std::span<const Migration> migrations) override {
    for (const Migration& migration : migrations) MR_TRY(connection_->execute(migration.sql));
    return {};
  }
  Status write(const Work& work) override {
    if (!connection_->idle()) return fail(Code::internal, "a write within a write");
    MR_TRY(connection_->run_cached("BEGIN"));
    const Status status = work(*connection_);
    if (status) return connection_->run_cached("COMMIT");
    MR_TRY(connection_->run_cached("ROLLBACK"));
    return status;
  }
  void write_async(Work work, std::function<void(Status)> done) override { done(write(work)); }
  Status read(const Work& work) override { return work(*connection_); }

  // Leaves the tables, and no rows.
  Status clear() {
    std::vector<std::string> tables;
    {
      auto names = MR_TRY(connection_->prepare("SELECT name FROM sqlite_schema WHERE type = 'table'"));
      while (MR_TRY(names.step())) tables.push_back(names.text(0));
    }
    return write([&](Connection& connection) -> Status {
      for (const std::string& table : tables) MR_TRY(connection.execute("DELETE FROM \"" + table + "\""));
      return {};
    });
  }

 private:
  explicit InlineDatabase(std::unique_ptr<SqliteConnection> connection) : connection_(std::move(connection)) {}
  std::unique_ptr<SqliteConnection> connection_;
};

}  // namespace millrace::db
