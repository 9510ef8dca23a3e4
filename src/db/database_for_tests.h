#pragma once
// A database of one table, in a directory of its own, for the tests of a backend.

#include <cstdint>
#include <latch>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <gtest/gtest.h>

#include "base/file.h"
#include "db/database.h"

namespace millrace::db {

using OpenDatabase = Result<std::unique_ptr<Database>> (*)(const std::string& path, const Options& options);

inline constexpr Migration kSchema[] = {{1, "CREATE TABLE item (id INTEGER PRIMARY KEY, name TEXT UNIQUE)"}};

// `Test`: GoogleTest's class.
template <class Test>
class DatabaseFixture : public Test {
 protected:
  explicit DatabaseFixture(OpenDatabase open) : open_(open) {}
  void SetUp() override { reopen(); }
  void reopen(const Options& options = {}) {
    database_.reset();
    auto opened = open_(path(), options);
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

  const OpenDatabase open_;
  TempDir dir_ = std::move(*TempDir::make("db"));
  std::unique_ptr<Database> database_;
};

// A work that blocks the writer until `release` is counted down: what is queued behind it becomes one batch.
inline Database::Work hold(std::latch& entered, std::latch& release) {
  return [&](Connection&) -> Status {
    entered.count_down();
    release.wait();
    return {};
  };
}

}  // namespace millrace::db
