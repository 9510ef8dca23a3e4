#include "db/database.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <fstream>
#include <latch>
#include <set>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/file.h"
#include "db/open.h"

namespace millrace::db {
namespace {

using testing::HasSubstr;

constexpr Migration kSchema[] = {{1, "CREATE TABLE item (id INTEGER PRIMARY KEY, name TEXT UNIQUE) STRICT"}};

class DatabaseTest : public testing::Test {
 protected:
  void SetUp() override { reopen(); }
  void reopen(const Options& options = {}) {
    database_.reset();
    auto opened = Database::open(path(), options);
    ASSERT_TRUE(opened) << opened.error().message;
    database_ = std::move(*opened);
    const auto migrated = database_->migrate("test", kSchema);
    ASSERT_TRUE(migrated) << migrated.error().message;
  }
  std::string path() const { return (dir_.path() / "data.db").string(); }
  static Database::Work insert(std::string name) {
    return [name = std::move(name)](Connection& c) -> Status {
      return MR_TRY(c.prepare("INSERT INTO item (name) VALUES (?)")).bind(std::string_view(name)).run();
    };
  }
  std::int64_t count(std::string_view where = "1") {
    std::int64_t n = -1;
    const auto status = database_->read([&](Connection& c) -> Status {
      auto select = MR_TRY(c.prepare("SELECT count(*) FROM item WHERE " + std::string(where)));
      MR_TRY(select.step());
      n = select.integer(0);
      return {};
    });
    EXPECT_TRUE(status) << status.error().message;
    return n;
  }

  TempDir dir_ = std::move(*TempDir::make("db"));
  std::unique_ptr<Database> database_;
};

TEST_F(DatabaseTest, KeepsEveryTypeAcrossReopening) {
  ASSERT_TRUE(database_->write([](Connection& c) -> Status {
    MR_TRY(c.execute("CREATE TABLE kind (i INTEGER, r REAL, t TEXT, b BLOB, n TEXT, o TEXT)"));
    return MR_TRY(c.prepare("INSERT INTO kind VALUES (?,?,?,?,?,?)"))
        .bind(std::int64_t{1} << 60)
        .bind(0.1)
        .bind("häß\0x")
        .bind_blob(std::string_view("\0\1", 2))
        .bind_null()
        .bind(std::optional<std::string>("o"))
        .run();
  }));
  reopen();
  ASSERT_TRUE(database_->read([](Connection& c) -> Status {
    auto s = MR_TRY(c.prepare("SELECT i, r, t, b, n, o FROM kind"));
    EXPECT_TRUE(MR_TRY(s.step()));
    EXPECT_EQ(s.integer(0), std::int64_t{1} << 60);
    EXPECT_EQ(s.real(1), 0.1);
    EXPECT_EQ(s.text(2), "häß");
    EXPECT_EQ(s.text(3), std::string("\0\1", 2));
    EXPECT_TRUE(s.is_null(4));
    EXPECT_EQ(s.text(5), "o");
    EXPECT_FALSE(MR_TRY(s.step()));
    return {};
  }));
}

TEST_F(DatabaseTest, AStatementMayBeBoundAndRunAgain) {
  ASSERT_TRUE(database_->write([](Connection& c) -> Status {
    auto s = MR_TRY(c.prepare("INSERT INTO item (name) VALUES (?)"));
    for (const char* name : {"a", "b", "c"}) MR_TRY(s.bind(name).run());
    EXPECT_EQ(c.last_insert_id(), 3);
    EXPECT_EQ(c.changes(), 1);
    return {};
  }));
  EXPECT_EQ(count(), 3);
}

TEST_F(DatabaseTest, TwoStatementsOfOneTextAtATime) {
  ASSERT_TRUE(database_->write(insert("a")));
  ASSERT_TRUE(database_->write(insert("b")));
  ASSERT_TRUE(database_->read([](Connection& c) -> Status {
    int pairs = 0;
    auto outer = MR_TRY(c.prepare("SELECT name FROM item"));
    while (MR_TRY(outer.step())) {
      auto inner = MR_TRY(c.prepare("SELECT name FROM item"));
      while (MR_TRY(inner.step())) ++pairs;
    }
    EXPECT_EQ(pairs, 4);
    return {};
  }));
}

TEST_F(DatabaseTest, AUniqueConstraintIsAlreadyExistsAndAnythingElseIsNot) {
  ASSERT_TRUE(database_->write(insert("a")));
  EXPECT_EQ(database_->write(insert("a")).error().code, Code::already_exists);
  const auto wrong_sql = database_->write([](Connection& c) { return c.execute("INSERT INTO nothing VALUES (1)"); });
  EXPECT_EQ(wrong_sql.error().code, Code::internal);
  const auto too_many = database_->write([](Connection& c) -> Status {
    return MR_TRY(c.prepare("INSERT INTO item (name) VALUES (?)")).bind("x").bind("y").run();
  });
  EXPECT_EQ(too_many.error().code, Code::internal);
  EXPECT_EQ(count(), 1);
}

TEST_F(DatabaseTest, AReaderCannotWrite) { EXPECT_FALSE(database_->read(insert("a"))); }

TEST_F(DatabaseTest, GroupCommitUnderSixteenThreads) {
  constexpr int kThreads = 16, kEach = 200;
  std::atomic<int> failures = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kEach; ++i) {
        const std::string name = std::to_string(t) + "/" + std::to_string(i);
        if (!database_->write(insert(name))) ++failures;
        // Durable and visible once write() has returned.
        if (i % 50 == 0 && count("name = '" + name + "'") != 1) ++failures;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(failures, 0);
  EXPECT_EQ(count(), kThreads * kEach);
}

// A work that blocks the writer until `release` is counted down: what is queued behind it becomes one batch.
Database::Work hold(std::latch& entered, std::latch& release) {
  return [&](Connection&) -> Status {
    entered.count_down();
    release.wait();
    return {};
  };
}

TEST_F(DatabaseTest, OneFailingWorkOfABatchIsUndoneAlone) {
  std::latch entered(1), release(1), finished(4);
  std::vector<Status> results(4);
  const auto keep = [&](std::size_t i) {
    return [&, i](Status s) {
      results[i] = std::move(s);
      finished.count_down();
    };
  };
  database_->write_async(hold(entered, release), keep(0));
  entered.wait();
  database_->write_async(insert("a"), keep(1));
  database_->write_async(
      [](Connection& c) -> Status {
        MR_TRY(c.execute("INSERT INTO item (name) VALUES ('undone')"));
        return fail(Code::aborted, "no");
      },
      keep(2));
  database_->write_async(
      [](Connection& c) -> Status {  // sees the earlier work, not the undone one
        auto s = MR_TRY(c.prepare("SELECT group_concat(name) FROM item"));
        MR_TRY(s.step());
        EXPECT_EQ(s.text(0), "a");
        return c.execute("INSERT INTO item (name) VALUES ('b')");
      },
      keep(3));
  release.count_down();
  finished.wait();
  EXPECT_TRUE(results[0]);
  EXPECT_TRUE(results[1]);
  EXPECT_EQ(results[2].error().code, Code::aborted);
  EXPECT_TRUE(results[3]);
  EXPECT_EQ(count(), 2);
}

TEST_F(DatabaseTest, AThrowingWorkIsUndone) {
  const auto status = database_->write([](Connection& c) -> Status {
    MR_TRY(c.execute("INSERT INTO item (name) VALUES ('x')"));
    throw std::runtime_error("boom");
  });
  EXPECT_THAT(status.error().message, HasSubstr("boom"));
  EXPECT_EQ(count(), 0);
}

TEST_F(DatabaseTest, AFailedCommitFailsEveryWorkOfTheBatch) {
  ASSERT_TRUE(database_->write([](Connection& c) {
    return c.execute("CREATE TABLE child (parent INTEGER REFERENCES item(id) DEFERRABLE INITIALLY DEFERRED)");
  }));
  std::latch entered(1), release(1), finished(3);
  std::atomic<int> failed = 0;
  const auto done = [&](Status s) {
    failed += s ? 0 : 1;
    finished.count_down();
  };
  database_->write_async(hold(entered, release), done);
  entered.wait();
  database_->write_async(insert("a"), done);
  database_->write_async([](Connection& c) { return c.execute("INSERT INTO child VALUES (99)"); }, done);
  release.count_down();
  finished.wait();
  EXPECT_EQ(failed, 3);
  EXPECT_EQ(count(), 0);
  EXPECT_TRUE(database_->write(insert("after")));
}

TEST_F(DatabaseTest, AWriteWithinAWriteIsRefused) {
  Status inner;
  ASSERT_TRUE(database_->write([&](Connection&) -> Status {
    inner = database_->write(insert("x"));
    return {};
  }));
  EXPECT_EQ(inner.error().code, Code::internal);
}

TEST_F(DatabaseTest, TheQueueHasALimit) {
  reopen({.readers = 1, .queue_limit = 2, .batch_limit = 10});
  std::latch entered(1), release(1);
  std::atomic<int> full = 0, fine = 0;
  const auto done = [&](Status s) {
    if (s)
      ++fine;
    else if (s.error().code == Code::resource_exhausted)
      ++full;
  };
  database_->write_async(hold(entered, release), done);
  entered.wait();
  for (int i = 0; i < 5; ++i) database_->write_async(insert(std::to_string(i)), done);
  release.count_down();
  database_.reset();  // runs what is queued
  EXPECT_EQ(fine, 3);
  EXPECT_EQ(full, 3);
}

TEST_F(DatabaseTest, MoreReadsThanConnectionsAndReadsWithinReads) {
  reopen({.readers = 2});
  ASSERT_TRUE(database_->write(insert("a")));
  std::vector<std::thread> threads;
  std::atomic<int> wrong = 0;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 50; ++i) {
        const auto status =
            database_->read([&](Connection&) -> Status { return count() == 1 ? Status{} : fail(Code::internal, ""); });
        if (!status) ++wrong;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

TEST_F(DatabaseTest, AReadIsOneSnapshot) {
  ASSERT_TRUE(database_->read([&](Connection&) -> Status {
    EXPECT_EQ(count(), 0);
    std::thread([&] { EXPECT_TRUE(database_->write(insert("a"))); }).join();
    EXPECT_EQ(count(), 0);
    return {};
  }));
  EXPECT_EQ(count(), 1);
}

TEST_F(DatabaseTest, MigratesOnceAndRefusesANewerDatabase) {
  constexpr Migration two[] = {kSchema[0],
                               {2, "ALTER TABLE item ADD COLUMN size INTEGER; CREATE INDEX i ON item(size)"}};
  ASSERT_TRUE(database_->migrate("test", two));
  ASSERT_TRUE(database_->migrate("test", two));
  EXPECT_EQ(count("size IS NULL"), 0);
  const auto older = database_->migrate("test", kSchema);
  EXPECT_THAT(older.error().message, HasSubstr("newer version"));
}

TEST_F(DatabaseTest, AFailedMigrationLeavesNothing) {
  constexpr Migration bad[] = {{1, "CREATE TABLE half (x); CREATE TABLE half (x)"}};
  EXPECT_FALSE(database_->migrate("bad", bad));
  constexpr Migration good[] = {{1, "CREATE TABLE half (x)"}};
  EXPECT_TRUE(database_->migrate("bad", good));
}

TEST_F(DatabaseTest, AFullDiskIsSaidAndLosesNothing) {
  ASSERT_TRUE(database_->write(insert("before")));
  ASSERT_TRUE(database_->write([](Connection& c) { return c.execute("PRAGMA max_page_count = 16"); }));
  std::latch entered(1), release(1), finished(3);
  std::vector<Status> results(3);
  const auto keep = [&](std::size_t i) {
    return [&, i](Status s) {
      results[i] = std::move(s);
      finished.count_down();
    };
  };
  database_->write_async(hold(entered, release), keep(0));
  entered.wait();
  database_->write_async(insert("beside"), keep(1));
  database_->write_async(insert(std::string(1 << 20, 'x')), keep(2));
  release.count_down();
  finished.wait();
  EXPECT_EQ(results[2].error().code, Code::resource_exhausted);
  EXPECT_THAT(results[2].error().message, HasSubstr("the disk is full"));
  // SQLite may undo only the statement or the whole transaction; what was acknowledged is there, what was not is not.
  EXPECT_EQ(count(), 1 + (results[1] ? 1 : 0));
  EXPECT_TRUE(database_->write(insert("after")));
}

TEST_F(DatabaseTest, IsItsUsersAlone) {
  const auto path = dir_.path() / "private.db";
  const auto database = *Database::open(path.string());
  ASSERT_TRUE(database->write([](Connection& c) { return c.execute("CREATE TABLE t(a)"); }));
  for (const char* suffix : {"", "-wal", "-shm"}) {
    const auto mode = std::filesystem::status(path.string() + suffix).permissions();
    EXPECT_EQ(mode, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write) << suffix;
  }
}

TEST_F(DatabaseTest, WhereRowsAreExpectedANewOrForeignOneIsRefused) {
  const auto path = dir_.path() / "expected.db";
  const auto refused = open_database(path.string(), Expected::existing);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::failed_precondition);
  EXPECT_THAT(refused.error().message, HasSubstr("expected.db"));
  {
    ASSERT_TRUE(open_database(path.string(), Expected::anything));
  }
  EXPECT_TRUE(open_database(path.string(), Expected::existing));
}

TEST_F(DatabaseTest, ADamagedOneIsRefused) {
  const auto path = dir_.path() / "damaged.db";
  {
    const auto database = *Database::open(path.string());
    ASSERT_TRUE(database->write([](Connection& c) -> Status {
      MR_TRY(c.execute("CREATE TABLE t(a TEXT)"));
      auto row = MR_TRY(c.prepare("INSERT INTO t VALUES (?)"));
      for (int i = 0; i < 200; ++i) MR_TRY(row.bind(std::string_view(std::string(1'000, 'x'))).run());
      return {};
    }));
  }
  const auto size = std::filesystem::file_size(path);
  const std::string bytes = *read_file(path);
  for (const std::size_t at : {std::size_t{0}, std::size_t{4'096} * 10, std::size_t{100}}) {
    std::string damaged = bytes;
    damaged.replace(at, 4'096, std::string(4'096, '\xA5'));
    ASSERT_TRUE(write_file(path, damaged));
    const auto opened = Database::open(path.string());
    ASSERT_FALSE(opened) << at;
    EXPECT_THAT(opened.error().message, HasSubstr("damaged.db")) << at;
  }
  ASSERT_TRUE(write_file(path, std::string_view(bytes).substr(0, size / 2)));
  EXPECT_FALSE(Database::open(path.string())) << "half of it";
  ASSERT_TRUE(write_file(path, bytes));
  EXPECT_TRUE(Database::open(path.string()));
}

TEST_F(DatabaseTest, SaysWhatIsWrongWithThePlace) {
  const auto missing = Database::open((dir_.path() / "no" / "x.db").string());
  EXPECT_EQ(missing.error().code, Code::not_found);
  EXPECT_THAT(missing.error().message, HasSubstr("x.db"));

  const auto text = dir_.path() / "text.db";
  std::ofstream(text) << std::string(4096, 'z');
  const auto not_database = Database::open(text.string());
  EXPECT_EQ(not_database.error().code, Code::failed_precondition);
  EXPECT_THAT(not_database.error().message, HasSubstr("not a database"));

  if (::geteuid() != 0) {
    ::chmod(dir_.path().c_str(), 0500);
    EXPECT_EQ(Database::open((dir_.path() / "y.db").string()).error().code, Code::permission_denied);
    ::chmod(dir_.path().c_str(), 0700);
  }
}

TEST_F(DatabaseTest, AcknowledgedRowsOutliveAKilledProcess) {
  database_.reset();
  int acknowledged[2];
  ASSERT_EQ(::pipe(acknowledged), 0);
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    auto opened = Database::open(path());
    if (!opened) ::_exit(1);
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&, t] {
        for (std::int32_t i = 0;; ++i) {
          const std::int32_t id = t * 1'000'000 + i;
          if (!(*opened)->write(insert(std::to_string(id)))) ::_exit(2);
          if (::write(acknowledged[1], &id, sizeof id) != sizeof id) ::_exit(3);
        }
      });
    }
    for (auto& thread : threads) thread.join();
  }
  ::close(acknowledged[1]);
  std::set<std::string> promised;
  std::int32_t id = 0;
  while (::read(acknowledged[0], &id, sizeof id) == sizeof id) {
    promised.insert(std::to_string(id));
    if (promised.size() == 500) ::kill(child, SIGKILL);
  }
  ::close(acknowledged[0]);
  int status = 0;
  ::waitpid(child, &status, 0);
  ASSERT_TRUE(WIFSIGNALED(status)) << WEXITSTATUS(status);
  reopen();
  ASSERT_TRUE(database_->read([&](Connection& c) -> Status {
    auto select = MR_TRY(c.prepare("SELECT name FROM item"));
    while (MR_TRY(select.step())) promised.erase(select.text(0));
    return {};
  }));
  EXPECT_TRUE(promised.empty()) << promised.size() << " acknowledged rows are lost";
}

}  // namespace
}  // namespace millrace::db
