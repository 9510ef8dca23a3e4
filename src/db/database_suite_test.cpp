#include "db/database.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <latch>
#include <set>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "db/database_for_tests.h"

namespace millrace::db {
namespace {

using testing::HasSubstr;

// What every database that the program can use has to promise; each is a row here.
struct Backend {
  const char* name;
  OpenDatabase open;
};
constexpr Backend kBackends[] = {{"sqlite", Database::open}};

class DatabaseSuite : public DatabaseFixture<testing::TestWithParam<Backend>> {
 protected:
  DatabaseSuite() : DatabaseFixture(GetParam().open) {}
};

TEST_P(DatabaseSuite, KeepsEveryTypeAcrossReopening) {
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

TEST_P(DatabaseSuite, AStatementMayBeBoundAndRunAgain) {
  ASSERT_TRUE(database_->write([](Connection& c) -> Status {
    auto s = MR_TRY(c.prepare("INSERT INTO item (name) VALUES (?)"));
    for (const char* name : {"a", "b", "c"}) MR_TRY(s.bind(name).run());
    EXPECT_EQ(c.last_insert_id(), 3);
    EXPECT_EQ(c.changes(), 1);
    return {};
  }));
  EXPECT_EQ(count(), 3);
}

TEST_P(DatabaseSuite, TwoStatementsOfOneTextAtATime) {
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

TEST_P(DatabaseSuite, AUniqueConstraintIsAlreadyExistsAndAnythingElseIsNot) {
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

TEST_P(DatabaseSuite, AReaderCannotWrite) { EXPECT_FALSE(database_->read(insert("a"))); }

TEST_P(DatabaseSuite, GroupCommitUnderSixteenThreads) {
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

TEST_P(DatabaseSuite, OneFailingWorkOfABatchIsUndoneAlone) {
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
        auto s = MR_TRY(c.prepare("SELECT name FROM item"));
        EXPECT_TRUE(MR_TRY(s.step()));
        EXPECT_EQ(s.text(0), "a");
        EXPECT_FALSE(MR_TRY(s.step()));
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

TEST_P(DatabaseSuite, AThrowingWorkIsUndone) {
  const auto status = database_->write([](Connection& c) -> Status {
    MR_TRY(c.execute("INSERT INTO item (name) VALUES ('x')"));
    throw std::runtime_error("boom");
  });
  EXPECT_THAT(status.error().message, HasSubstr("boom"));
  EXPECT_EQ(count(), 0);
}

TEST_P(DatabaseSuite, AWriteWithinAWriteIsRefused) {
  Status inner;
  ASSERT_TRUE(database_->write([&](Connection&) -> Status {
    inner = database_->write(insert("x"));
    return {};
  }));
  EXPECT_EQ(inner.error().code, Code::internal);
}

TEST_P(DatabaseSuite, TheQueueHasALimit) {
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

TEST_P(DatabaseSuite, MoreReadsThanConnectionsAndReadsWithinReads) {
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

TEST_P(DatabaseSuite, AReadIsOneSnapshot) {
  ASSERT_TRUE(database_->read([&](Connection&) -> Status {
    EXPECT_EQ(count(), 0);
    std::thread([&] { EXPECT_TRUE(database_->write(insert("a"))); }).join();
    EXPECT_EQ(count(), 0);
    return {};
  }));
  EXPECT_EQ(count(), 1);
}

TEST_P(DatabaseSuite, MigratesOnceAndRefusesANewerDatabase) {
  constexpr Migration two[] = {kSchema[0],
                               {2, "ALTER TABLE item ADD COLUMN size INTEGER; CREATE INDEX i ON item(size)"}};
  ASSERT_TRUE(database_->migrate("test", two));
  ASSERT_TRUE(database_->migrate("test", two));
  EXPECT_EQ(count("size IS NULL"), 0);
  const auto older = database_->migrate("test", kSchema);
  EXPECT_THAT(older.error().message, HasSubstr("newer version"));
}

TEST_P(DatabaseSuite, AFailedMigrationLeavesNothing) {
  constexpr Migration bad[] = {{1, "CREATE TABLE half (x); CREATE TABLE half (x)"}};
  EXPECT_FALSE(database_->migrate("bad", bad));
  constexpr Migration good[] = {{1, "CREATE TABLE half (x)"}};
  EXPECT_TRUE(database_->migrate("bad", good));
}

TEST_P(DatabaseSuite, AcknowledgedRowsOutliveAKilledProcess) {
  database_.reset();
  int acknowledged[2];
  ASSERT_EQ(::pipe(acknowledged), 0);
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    auto opened = GetParam().open(path(), {});
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

TEST_P(DatabaseSuite, ColumnsHaveTypes) {
  ASSERT_TRUE(database_->write([](Connection& c) -> Status {
    MR_TRY(c.execute("CREATE TABLE typed (i INTEGER, b INTEGER, r REAL, t TEXT, n TEXT, m INTEGER)"));
    return MR_TRY(c.prepare("INSERT INTO typed VALUES (?,?,?,?,?,?)"))
        .bind_all(std::uint64_t{7}, true, 0.5, std::string("text"), std::optional<std::string>(), std::optional<int>(3))
        .run();
  }));
  ASSERT_TRUE(database_->read([](Connection& c) -> Status {
    auto s = MR_TRY(c.prepare("SELECT i, b, r, t, n, m FROM typed"));
    EXPECT_TRUE(MR_TRY(s.step()));
    using Row =
        std::tuple<std::uint64_t, bool, double, std::string, std::optional<std::string>, std::optional<std::int64_t>>;
    EXPECT_EQ((s.columns<std::uint64_t, bool, double, std::string, std::optional<std::string>,
                         std::optional<std::int64_t>>()),
              Row(7, true, 0.5, "text", std::nullopt, 3));
    EXPECT_EQ(s.column<int>(0), 7);
    EXPECT_FALSE(s.column<std::optional<int>>(4));
    return {};
  }));
}

INSTANTIATE_TEST_SUITE_P(Backends, DatabaseSuite, testing::ValuesIn(kBackends),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace millrace::db
