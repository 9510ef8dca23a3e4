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
#include "db/database_for_tests.h"
#include "db/open.h"

namespace millrace::db {
namespace {

using testing::HasSubstr;

class SqliteTest : public DatabaseFixture<testing::Test> {
 protected:
  SqliteTest() : DatabaseFixture(Database::open) {}
};

TEST_F(SqliteTest, AFailedCommitFailsEveryWorkOfTheBatch) {
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

TEST_F(SqliteTest, AFullDiskIsSaidAndLosesNothing) {
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

TEST_F(SqliteTest, IsItsUsersAlone) {
  const auto path = dir_.path() / "private.db";
  const auto database = *Database::open(path.string());
  ASSERT_TRUE(database->write([](Connection& c) { return c.execute("CREATE TABLE t(a)"); }));
  for (const char* suffix : {"", "-wal", "-shm"}) {
    const auto mode = std::filesystem::status(path.string() + suffix).permissions();
    EXPECT_EQ(mode, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write) << suffix;
  }
}

TEST_F(SqliteTest, WhereRowsAreExpectedANewOrForeignOneIsRefused) {
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

TEST_F(SqliteTest, ADamagedOneIsRefused) {
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

TEST_F(SqliteTest, SaysWhatIsWrongWithThePlace) {
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

}  // namespace
}  // namespace millrace::db
