#include "db/dialect.h"

#include <fmt/core.h>
#include <gtest/gtest.h>

#include "db/inline_for_tests.h"

namespace millrace::db {
namespace {

class DialectTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(database_->write([](Connection& connection) -> Status {
      MR_TRY(connection.execute("CREATE TABLE item(name TEXT, data TEXT)"));
      auto insert = MR_TRY(connection.prepare("INSERT INTO item(name, data) VALUES(?,?)"));
      MR_TRY(insert.bind_all("Alpha", R"({"pod": "p-1", "number": 2})").run());
      return insert.bind_all("beta", R"({"a.b": "p-1"})").run();
    }));
  }
  // The names, in order, of which the term holds.
  template <class... Values>
  std::string names(std::string_view term, const Values&... values) {
    std::string names;
    EXPECT_TRUE(database_->read([&](Connection& connection) -> Status {
      auto row = MR_TRY(connection.prepare(fmt::format("SELECT name FROM item WHERE {} ORDER BY name", term)));
      row.bind_all(values...);
      while (MR_TRY(row.step())) names += row.text(0) + ";";
      return {};
    }));
    return names;
  }
  std::unique_ptr<InlineDatabase> database_ = std::move(*InlineDatabase::open());
};

TEST_F(DialectTest, FindsMembersOfObjects) {
  EXPECT_EQ(names(json_member("data", "pod") + " = ?", "p-1"), "Alpha;");
  EXPECT_EQ(names(json_member("data", "number") + " = ?", 2), "Alpha;");
  EXPECT_EQ(names(json_member("data", "pod") + " IS NULL"), "beta;");
  EXPECT_EQ(names(json_has("data"), "a.b", "p-1"), "beta;");
  EXPECT_EQ(names(json_has("data"), "a.b", "p"), "");
}

TEST_F(DialectTest, ComparesInAnyCase) {
  EXPECT_EQ(names(contains_text("name"), "LPH"), "Alpha;");
  EXPECT_EQ(names(contains_text("name"), "a"), "Alpha;beta;");
  EXPECT_EQ(names(contains_text("name"), "%"), "");
  EXPECT_EQ(names("name = ?" MR_SQL_ANY_CASE, "BETA"), "beta;");
}

}  // namespace
}  // namespace millrace::db
