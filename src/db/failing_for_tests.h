#pragma once
// A database whose n-th statement fails, to find out what an operation leaves behind when the database fails in the
// middle of it.

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "db/database.h"

namespace millrace::db {

// Counts the statements of one thread's reads and writes, each write's commit as one more; what others ask, and what is
// written asynchronously, is not counted and does not fail. With n = 1, 2, 3… until failed() is false, an operation is
// tried with each of its statements failing:
//
//   for (std::size_t n = 1;; ++n) {
//     FailingDatabase::Nth failing(n);
//     const auto outcome = operation();
//     if (!failing.failed()) break;
class FailingDatabase final : public Database {
 public:
  // For as long as it lives, on this thread; one at a time.
  class Nth {
   public:
    explicit Nth(std::size_t n) : left_(n) { armed() = this; }
    ~Nth() { armed() = nullptr; }
    Nth(const Nth&) = delete;
    Nth& operator=(const Nth&) = delete;
    bool failed() const { return failed_; }            // were there that many?
    const std::string& what() const { return what_; }  // the SQL of the one that failed

   private:
    friend class FailingDatabase;
    static Nth*& armed() {
      static thread_local Nth* nth = nullptr;
      return nth;
    }
    Status count(std::string_view sql) {
      if (left_ == 0 || --left_ != 0) return {};
      failed_ = true;
      what_ = sql;
      return fail(Code::internal, "this statement was made to fail");
    }
    std::size_t left_;
    bool failed_ = false;
    std::string what_;
  };

  explicit FailingDatabase(std::unique_ptr<Database> inner) : inner_(std::move(inner)) {}
  Status migrate(std::string_view component, std::span<const Migration> migrations) override {
    return inner_->migrate(component, migrations);
  }
  Status write(const Work& work) override { return inner_->write(counted(work, true)); }
  void write_async(Work work, std::function<void(Status)> done) override {
    inner_->write_async(std::move(work), std::move(done));
  }
  Status read(const Work& work) override { return inner_->read(counted(work, false)); }

 private:
  class CountedStatement final : public Statement::Impl {
   public:
    CountedStatement(Statement inner, std::string_view sql, Nth& nth)
        : inner_(std::move(inner)), sql_(sql), nth_(nth) {}
    void bind(std::int64_t value) override { begin().bind(value); }
    void bind(double value) override { begin().bind(value); }
    void bind_text(std::string_view value) override { begin().bind(value); }
    void bind_blob(std::string_view value) override { begin().bind_blob(value); }
    void bind_null() override { begin().bind_null(); }
    Result<bool> step() override {
      if (!std::exchange(stepped_, true)) MR_TRY(nth_.count(sql_));
      return inner_.step();
    }
    std::int64_t integer(int column) const override { return inner_.integer(column); }
    double real(int column) const override { return inner_.real(column); }
    std::string text(int column) const override { return inner_.text(column); }
    bool is_null(int column) const override { return inner_.is_null(column); }
    void release() noexcept override { delete this; }

   private:
    Statement& begin() {
      stepped_ = false;
      return inner_;
    }
    Statement inner_;
    const std::string sql_;
    Nth& nth_;
    bool stepped_ = false;
  };

  class CountedConnection final : public Connection {
   public:
    CountedConnection(Connection& inner, Nth& nth) : inner_(inner), nth_(nth) {}
    Result<Statement> prepare(std::string_view sql) override {
      return Statement(new CountedStatement(MR_TRY(inner_.prepare(sql)), sql, nth_));
    }
    Status execute(std::string_view sql) override {
      MR_TRY(nth_.count(sql));
      return inner_.execute(sql);
    }
    std::int64_t changes() const override { return inner_.changes(); }
    std::int64_t last_insert_id() const override { return inner_.last_insert_id(); }

   private:
    Connection& inner_;
    Nth& nth_;
  };

  static Work counted(const Work& work, bool commits) {
    Nth* nth = Nth::armed();
    if (nth == nullptr) return work;
    return [&work, nth, commits](Connection& connection) -> Status {
      CountedConnection counting(connection, *nth);
      MR_TRY(work(counting));
      return commits ? nth->count("COMMIT") : Status();
    };
  }

  std::unique_ptr<Database> inner_;
};

// Every row of every table but `without`, as text: to compare what was stored before with what is stored after.
// SQLite's.
inline std::string rows_of(Database& database, std::string_view without = {}) {
  std::string all;
  (void)database.write([](Connection&) { return Status(); });  // behind what is written asynchronously
  const auto read = database.read([&](Connection& connection) -> Status {
    auto tables = MR_TRY(connection.prepare("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name"));
    while (MR_TRY(tables.step())) {
      const std::string table = tables.text(0);
      if (table == without) continue;
      auto columns =
          MR_TRY(connection.prepare("SELECT group_concat('quote(\"' || name || '\")', '||'',''||') FROM "
                                    "pragma_table_info(?)"));
      MR_TRY(columns.bind(table).step());
      auto rows =
          MR_TRY(connection.prepare("SELECT " + columns.text(0) + " AS line FROM \"" + table + "\" ORDER BY line"));
      while (MR_TRY(rows.step())) all += table + ": " + rows.text(0) + "\n";
    }
    return {};
  });
  return read ? all : read.error().message;
}

}  // namespace millrace::db
