#pragma once
// A database with the runs' tables, for tests of their rows.

#include <memory>

#include <gtest/gtest.h>

#include "base/file.h"
#include "db/database.h"
#include "pipelines/runner/artifact_rows.h"
#include "pipelines/runner/schema.h"

namespace millrace::pipelines::runner {

class RowsTest : public testing::Test {
 protected:
  void SetUp() override {
    auto opened = db::Database::open((directory_.path() / "rows.db").string());
    ASSERT_TRUE(opened) << opened.error().message;
    database_ = std::move(*opened);
    ASSERT_TRUE(database_->migrate("pipelines", migrations()));
    ASSERT_TRUE(database_->migrate("artifacts", artifact_migrations()));
  }

  TempDir directory_ = std::move(*TempDir::make("rows"));
  std::unique_ptr<db::Database> database_;
};

}  // namespace millrace::pipelines::runner
